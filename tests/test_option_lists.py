"""Lists in options: a name with a comma is quoted as in a CSV file."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ablate.core.errors import SpecError
from ablate.inference.tables import Columns
from ablate.inference.tables.option_lists import names


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kernel,norm", ("kernel", "norm")),
        (' kernel , "b,c"', ("kernel", "b,c")),
        ('"say ""hi""",b', ('say "hi"', "b")),
        ('a"b,c', ('a"b', "c")),
        (",,", ()),
    ],
)
def test_quotes_hold_a_name_together(text, expected):
    assert names(text) == expected


@given(st.lists(st.text('ab,=<" ', min_size=1).filter(str.strip).map(str.strip), min_size=1, max_size=4))
def test_a_list_that_the_csv_module_writes_is_read_back(items):
    stream = io.StringIO()
    csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="").writerow(items)
    assert names(stream.getvalue()) == tuple(items)


def columns(**options):
    return Columns.written(**{"response": "y", "factors": 'a,"b,c"', "block": "seed"} | options)


def test_every_option_takes_a_quoted_name():
    written = columns(baseline='"b,c"=1,a=x', order='"b,c"=1<"2,5"', response='"y,z",w', block='"s,t"')
    assert written.baseline == {"b,c": "1", "a": "x"}
    assert written.ordered == {"b,c": ("1", "2,5")}
    assert (written.response, written.secondary, written.block) == ("y,z", ("w",), "s,t")


def test_a_numeric_factor_may_name_its_scale():
    assert columns(numeric='a=log,"b,c"').numeric == {"a": "log", "b,c": None}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"numeric": "d"}, "--numeric: 'd' is no factor"),
        ({"numeric": "a=cubic"}, "found 'cubic' as a scale of 'a'; write linear or log"),
        ({"numeric": "a", "order": "a"}, "--order: 'a' is numeric"),
        ({"numeric": "a", "baseline": "a=1"}, "--baseline: 'a' is numeric"),
        ({"average": True, "block": "none"}, "--average: with --block none"),
        ({"response": "y,y"}, "column 'y' is named by --response too"),
        ({"response": ","}, "--response: name the column"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, words):
    with pytest.raises(SpecError, match=words):
        columns(**options)

import json
from pathlib import Path

import pytest

from ablate.components.data import DATA
from ablate.components.losses import LOSSES
from ablate.components.models import MODELS
from ablate.components.schemes import SCHEMES
from ablate.design import DESIGNS
from ablate.study import RunSpec, StudySpec, study_file

SHIPPED = Path(__file__).parent.parent / "studies" / "study.schema.json"


@pytest.fixture(scope="module")
def schema():
    return study_file.schema()


def test_the_shipped_schema_is_the_one_that_ablate_schema_prints():
    assert SHIPPED.read_text() == study_file.schema_text(), f"run: ablate schema > studies/{SHIPPED.name}"


def test_an_editor_knows_every_key_of_a_study(schema):
    assert schema["properties"].keys() == StudySpec.model_fields.keys() | {"schema"}
    assert schema["$defs"]["RunSpec"]["properties"].keys() == RunSpec.model_fields.keys() - {"seed"}


def test_an_editor_that_fills_in_the_base_offers_no_seed(schema):
    assert schema["properties"]["base"]["default"].keys() == schema["$defs"]["RunSpec"]["properties"].keys()


def test_an_editor_marks_unknown_keys(schema):
    assert schema["additionalProperties"] is False
    assert all(part["additionalProperties"] is False for part in schema["$defs"].values())


@pytest.mark.parametrize("part", [*DATA, *MODELS, *LOSSES, *SCHEMES, *DESIGNS])
def test_an_editor_asks_for_the_kind_of_every_part(schema, part):
    kind = part.model_fields["kind"].default
    described = [
        block for block in schema["$defs"].values() if block["properties"].get("kind", {}).get("const") == kind
    ]
    assert described
    assert all("kind" in block["required"] for block in described)


def test_levels_may_be_a_list_or_a_block(schema):
    forms = schema["properties"]["factors"]["additionalProperties"]["anyOf"]
    assert {form.get("type", form.get("$ref")) for form in forms} == {"array", "#/$defs/Factor"}


def test_seeds_may_be_a_number_a_list_or_a_range(schema):
    forms = schema["properties"]["seeds"]["anyOf"]
    assert {form.get("type", form.get("$ref")) for form in forms} == {"integer", "array", "#/$defs/SeedRange"}


def test_an_editor_knows_how_many_seeds_there_may_be(schema):
    forms = {form.get("type"): form for form in schema["properties"]["seeds"]["anyOf"]}
    assert (forms["integer"]["minimum"], forms["integer"]["maximum"]) == (1, 1000)
    assert (forms["array"]["minItems"], forms["array"]["maxItems"]) == (1, 1000)


def test_a_field_is_described_by_its_docstring(schema):
    horizon = schema["$defs"]["Evaluation"]["properties"]["horizon"]
    assert horizon["description"] == "Number of forecast steps."


def test_the_schema_is_json_and_nothing_else(schema):
    assert json.loads(study_file.schema_text()) == schema

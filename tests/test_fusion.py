import pytest
import torch

from ablate.components.models.activation import tanh
from ablate.components.models.fast import fusion


def double(x):
    return 2 * x


@pytest.fixture
def _unknown_compiler():
    """Ask again, in this test and after it, whether there is a compiler."""
    fusion._can_compile.cache_clear()
    yield
    fusion._can_compile.cache_clear()


def test_gates_are_fused_only_inside():
    with fusion.fused(wanted=True):
        assert fusion.is_fused()
    assert not fusion.is_fused()


def test_what_is_not_wanted_is_not_compiled():
    assert fusion.in_one_pass(double, wanted=False) is double


@pytest.mark.usefixtures("_unknown_compiler")
def test_without_a_compiler_the_function_itself_runs_and_a_warning_says_why(monkeypatch):
    def no_compiler(*_, **__):
        raise RuntimeError("no C++ compiler found")

    monkeypatch.setattr(torch, "compile", no_compiler)
    with pytest.warns(UserWarning, match="no C\\+\\+ compiler found"):
        assert fusion.in_one_pass(double, wanted=True) is double


def test_the_short_tanh_is_exact_to_a_few_bits(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    x = torch.cat([torch.linspace(-12, 12, 100_001), torch.logspace(-20, 0, 10_001)])
    exact = torch.tanh(x.double())
    error = (tanh(x).double() - exact).abs()
    assert float((error / exact.abs().clamp_min(1e-30)).max()) < 6e-7

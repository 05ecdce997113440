import pytest
import torch

from ablate.components.models.activation import tanh
from ablate.components.models.fast import switch
from ablate.components.models.tap import Tap

CPU = torch.device("cpu")


class Watching(Tap):
    """A tap that changes nothing."""


def double(x):
    return 2 * x


@pytest.fixture
def _unknown_compiler():
    """Ask again, in this test and after it, whether there is a compiler."""
    switch._can_compile.cache_clear()
    yield
    switch._can_compile.cache_clear()


def test_gates_are_compiled_only_inside_the_block():
    with switch.compiled_gates(enabled=True):
        assert switch.gates_are_compiled()
    assert not switch.gates_are_compiled()


def test_a_gradient_takes_the_scan_only_with_compiled_gates():
    assert not switch.scan_is_available(Tap(), CPU)
    with switch.compiled_gates(enabled=True):
        assert switch.scan_is_available(Tap(), CPU)


def test_without_a_gradient_the_scan_is_available():
    with torch.no_grad():
        assert switch.scan_is_available(Tap(), CPU)


def test_a_tap_needs_the_plain_cell():
    with torch.no_grad():
        assert not switch.scan_is_available(Watching(), CPU)


def test_one_attribute_switches_everything_to_the_plain_way(monkeypatch):
    monkeypatch.setattr(switch, "ENABLED", False)
    with switch.compiled_gates(enabled=True), torch.no_grad():
        assert not switch.gates_are_compiled()
        assert not switch.scan_is_available(Tap(), CPU)


def test_a_function_is_compiled_only_if_enabled():
    assert switch.compiled_if(double, enabled=False) is double


@pytest.mark.usefixtures("_unknown_compiler")
def test_without_a_compiler_the_function_itself_runs_and_a_warning_says_why(monkeypatch):
    def no_compiler(*_, **__):
        raise RuntimeError("no C++ compiler found")

    monkeypatch.setattr(torch, "compile", no_compiler)
    with pytest.warns(UserWarning, match="no C\\+\\+ compiler found"):
        assert switch.compiled_if(double, enabled=True) is double


def test_the_short_tanh_is_exact_to_a_few_bits(monkeypatch):
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    x = torch.cat([torch.linspace(-12, 12, 100_001), torch.logspace(-20, 0, 10_001)])
    exact = torch.tanh(x.double())
    error = (tanh(x).double() - exact).abs()
    assert float((error / exact.abs().clamp_min(1e-30)).max()) < 6e-7

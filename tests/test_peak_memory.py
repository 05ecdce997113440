import sys

import numpy as np
import pytest
import torch

from ablate.training.peak_memory import peak_memory_mib, reset_peak_memory

CPU = torch.device("cpu")
ARRAY_MIB = 256


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux resets the peak of a process")
def test_the_peak_has_what_was_freed_since_and_nothing_from_before():
    reset_peak_memory(CPU)
    before = peak_memory_mib(CPU)
    array = np.ones(ARRAY_MIB * 2**17)
    del array
    during = peak_memory_mib(CPU)
    reset_peak_memory(CPU)
    after = peak_memory_mib(CPU)
    assert before is not None
    assert during is not None
    assert after is not None
    assert during - before == pytest.approx(ARRAY_MIB, abs=16)
    assert after - before < 16


def test_without_the_file_of_linux_the_peak_of_the_process_counts(monkeypatch, tmp_path):
    monkeypatch.setattr("ablate.training.peak_memory.STATUS", tmp_path / "absent")
    monkeypatch.setattr("ablate.training.peak_memory.RESET", tmp_path / "absent" / "too")
    reset_peak_memory(CPU)
    peak = peak_memory_mib(CPU)
    assert peak is not None
    assert peak > 50


@pytest.mark.gpu
def test_on_a_gpu_the_memory_of_the_gpu_counts():
    device = torch.device("cuda")
    reset_peak_memory(device)
    before = peak_memory_mib(device)
    array = torch.ones(ARRAY_MIB * 2**18, device=device)
    del array
    during = peak_memory_mib(device)
    assert before is not None
    assert during is not None
    assert during - before == pytest.approx(ARRAY_MIB, abs=2)

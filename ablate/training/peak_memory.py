"""The largest memory that a training took, on a GPU or of the process."""

import sys
from contextlib import suppress
from pathlib import Path

import torch

MEBIBYTE = 2**20
STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
RESET_PEAK = "5"  # proc(5): resets the peak of the resident memory, "VmHWM"


def reset_peak_memory(device: torch.device) -> None:
    """Begin to measure: a worker process trains several networks, one after the other."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with suppress(OSError):  # Linux alone has the file, and some containers forbid writing it
        RESET.write_text(RESET_PEAK)


def peak_memory_mib(device: torch.device) -> float | None:
    """Return the largest memory since `reset_peak_memory` in MiB; None where it cannot be measured.

    On CUDA that is what torch allocated on the GPU, elsewhere the resident memory of the process, with torch itself.
    Where the peak cannot be reset, it is that of the whole life of the process.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MEBIBYTE
    with suppress(OSError, IndexError, ValueError):
        (line,) = (line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return float(line.split()[1]) / 1024  # the file counts in KiB
    return _peak_of_process()


def _peak_of_process() -> float | None:
    try:
        import resource  # noqa: PLC0415  # Windows has none
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MEBIBYTE if sys.platform == "darwin" else 1024)  # macOS counts in bytes, others in KiB

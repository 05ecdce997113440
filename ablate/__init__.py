"""Designed ablation studies that say what makes a ConvLSTM forecast keep ghosts of the past."""

from importlib.metadata import version

__version__ = version("ablate-convlstm")

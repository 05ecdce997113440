"""Frames in, numbers out: metrics, scores of a forecast, the response of a run."""

"""Scores of forecasts of any origin: every metric, the alignment in time, and sentences. Loads no torch."""

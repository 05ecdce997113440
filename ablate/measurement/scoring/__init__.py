"""Anybody's forecasts, scored: every measure, when they fit best, and what to say of it. Loads no torch."""

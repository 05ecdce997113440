"""Inference: from a table of runs to effects, tests, confidence intervals and a verdict on every factor.

The room knows nothing of training: it takes a plain table and returns plain numbers.
"""

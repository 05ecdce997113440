"""Optuna: every attempt at a run is a trial of a study. Only modules of this folder import optuna."""

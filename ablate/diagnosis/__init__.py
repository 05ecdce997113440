"""Somebody else's model, questioned: what its forecasts look like, what it sees, and what to do about it."""

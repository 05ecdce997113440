"""Training and evaluation of one run: optimization, loss curve, resuming, checkpoints."""

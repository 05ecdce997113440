"""One run: optimization, loss curve, resuming, checkpoints, evaluation."""

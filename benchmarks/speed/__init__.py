"""How fast a ConvLSTM trains, beside its peers: `python -m benchmarks.speed`."""

"""Training speed of a ConvLSTM compared with its peers: `python -m benchmarks.speed`."""

"""How long the package's slow parts take, measured: `python -m benchmarks.<name>`."""

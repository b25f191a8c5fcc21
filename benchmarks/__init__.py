"""Measurements: one command each (`python -m benchmarks.steps`, `python -m benchmarks.memory`), side by side in one run."""

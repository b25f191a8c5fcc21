"""A learning rule, an operation and a data source for lpc. Nothing here imports torch but `moons`, which only scripts import."""

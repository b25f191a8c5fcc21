"""Mutants of learning rules and of optimisation passes, and what laws and validation say of them: `benchmarks.mutations`."""

"""Measurements of whole runs against simulated dialers; benchmarks/README.md tells how to read them."""

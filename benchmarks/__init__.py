"""Measurements of whole runs against simulated dialers. See benchmarks/README.md."""

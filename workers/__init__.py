"""Worker processes. Each has a pipe of its own for jobs, log records and outcomes, and another for the stop signal.

A killed worker leaves nothing locked: it shares no lock and no queue with anybody.
"""

"""Calls for people: chosen by day, client and campaign, as a file or a data frame. It never writes to the warehouse."""

from extracts.frames import read_calls

__all__ = ["read_calls"]

"""Manners towards one dialer: login discipline, connection slots, retries, and the meaning of its messages."""

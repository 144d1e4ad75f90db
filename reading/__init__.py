"""Reading of clients: from the requests for a window, over the proof of its answer, to a sealed window in the spool."""

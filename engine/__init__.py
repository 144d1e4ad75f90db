"""One run from plan to summary: cycles, backfills, replays, retention, and the backoff of hosts."""

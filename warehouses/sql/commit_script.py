"""The SQL of one commit's calls, pure: statements from names and bounds, run in order inside one transaction.

Both warehouses take the same statements except for ``Dialect``. A row with a uniqueid is known by its call_key. A row
without one only fills the call that the table has. A row with one takes over the row without. First one join classifies
every row. Then new rows are inserted and changed ones updated, so a batch without news writes nothing. The bounds on
call_date are constants, so the cost does not grow with the table. If two reports show a leg under one key, the one that
comes first owns the row and the other only fills it. Otherwise both would rewrite it for ever. Two calls with one key
are two rows (``call_identity``).
"""

from warehouses.sql.call_actions import CallActions
from warehouses.sql.call_copies import CallCopies
from warehouses.sql.call_matches import CallMatches
from warehouses.sql.call_writes import CallWrites
from warehouses.sql.commit_scope import CommitScope


class CommitScript:
    """The statements of a commit, grouped by their step."""

    def __init__(self, scope: CommitScope) -> None:
        self.scope = scope
        self.copies = CallCopies(scope)
        self.actions = CallActions(scope)
        self.matches = CallMatches(scope)
        self.writes = CallWrites(scope)

    @property
    def measure(self) -> str:
        """Count the rows in the files and those outside the bounds, and tell if a leg is shown more than once."""
        astray = f"count(CASE WHEN ({self.scope.days}) IS NOT TRUE THEN 1 END)"
        return f"""
            SELECT count(*), {astray}, count(*) > count(DISTINCT call_key)
            FROM {self.scope.spooled}"""

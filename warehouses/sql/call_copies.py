"""Copies of a leg in one batch, pure: several reports, sources or windows can show it."""

from dataclasses import dataclass

from warehouses.sql.call_identity import COMPARED, are_two_calls, rank
from warehouses.sql.commit_scope import CommitScope


@dataclass(frozen=True, slots=True)
class CallCopies:
    """Statements that choose one copy of each leg and report. Each report is a round of its own."""

    scope: CommitScope

    @property
    def rank(self) -> str:
        """Make ``ranked``: a round for each report that shows a leg. In it copy 1 is the one to merge.

        Copy 1 has the campaign of the table's row, else the first campaign by name. Among these it is the latest read.
        A row with the key of the first of them that shows another call gets a key of its own there.
        """
        of_table = "t.campaign IS NOT DISTINCT FROM s.campaign"
        in_order = f"ORDER BY {are_two_calls('s.', 't.')}, ({of_table}) DESC, s.campaign, s.place DESC"
        leaders = ", ".join(f"first_value(s.{name}) OVER in_order AS leader_{name}" for name in COMPARED)
        apart = are_two_calls("s.", "s.leader_")
        key = f"CASE WHEN {apart} THEN {self.scope.new_key} ELSE s.call_key END"
        columns = ", ".join(("call_key", "campaign", *COMPARED))
        stored = f"SELECT {columns} FROM {self.scope.calls} WHERE {self.scope.days}"
        return f"""
            CREATE TEMP TABLE ranked AS
            SELECT s.*, dense_rank() OVER (PARTITION BY s.call_key ORDER BY {rank("s.source_report")}) AS round,
                row_number() OVER (
                    PARTITION BY s.call_key, s.source_report ORDER BY s.of_table DESC, s.campaign, s.place DESC
                ) AS copy
            FROM (
                SELECT s.* REPLACE ({key} AS call_key, {apart} AS apart)
                FROM (
                    SELECT s.*, {of_table} AS of_table, {leaders}
                    FROM {self.scope.spooled} s
                    LEFT JOIN ({stored}) t
                        ON t.call_key = s.call_key
                    WINDOW in_order AS (PARTITION BY s.call_key {in_order})
                ) s
            ) s"""

    @property
    def count_rounds(self) -> str:
        return "SELECT max(round) FROM ranked"

    @staticmethod
    def select_round(number: int) -> str:
        """Return the source of one round."""
        return f"(SELECT * FROM ranked WHERE copy = 1 AND round = {number})"

    @staticmethod
    def count(number: int) -> str:
        """Select each source's unmerged rows of this round, and the number of them with another campaign."""
        return f"""
            SELECT r.source_key, count(*) AS legs,
                count(CASE WHEN r.campaign <> coalesce(a.holder, a.campaign) THEN 1 END) AS overlapping
            FROM ranked r JOIN actions a ON a.call_key = r.call_key
            WHERE r.round = {number} AND r.copy > 1 GROUP BY r.source_key"""

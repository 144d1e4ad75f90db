"""The SQL of one commit's calls, pure: statements from names and bounds, run in order inside one transaction.

Identity: a row with a uniqueid is known by its call_key. What comes without one and tells of a call that is there only
adds what that row lacks; what comes with one takes over the row without. First everything is classified by one join,
then new rows are inserted and changed ones updated, so that a batch without news writes nothing. The bounds on
call_date are constants: the cost does not grow with the table. Of two reports that show a leg under one key, the one
whose name sorts first owns the row, and the other only fills it: were both to write it, they would do so for ever.
"""

from dataclasses import dataclass
from datetime import date

from tables import WRITTEN_AT_COMMIT, Column

IDENTITY = ("call_key", "client_id", "campaign", "direction", "call_date")
"""Never changed by an update; the day of a call is part of its identity."""
OWN = ("client_name", "source_report", "row_hash")
"""Always taken from the newer row."""
KEPT = ("term_reason", "wrapup_seconds")
"""Null here means that the dialer's build does not show it, in every report."""
LEG = ("client_id", "direction", "call_time_local", "ingroup", "dialer_campaign", "phone")
"""By these a call that two reports show is recognised where only one of them shows its uniqueid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitScript:
    """Statements for a table ``calls`` of quoted name, with spooled rows in a relation ``spooled``.

    ``spooled_rows`` is all of the batch, in ``place`` order the latest read last. ``spooled`` is what one round merges:
    one row per call_key. ``$now`` and ``$run_id`` are parameters of the statements that write.
    """

    calls: str
    columns: tuple[Column, ...]
    """Those of the calls table that a spool file has."""
    first_day: date
    last_day: date

    @property
    def days(self) -> str:
        return f"call_date BETWEEN DATE '{self.first_day.isoformat()}' AND DATE '{self.last_day.isoformat()}'"

    @property
    def measure(self) -> str:
        """Rows in the files, those outside the bounds, and whether several sources or windows show the same leg."""
        return f"""
            SELECT count(*), count(*) FILTER (WHERE ({self.days}) IS NOT TRUE), count(*) > count(DISTINCT call_key)
            FROM spooled_rows"""

    @property
    def keep_all(self) -> str:
        return "CREATE TEMP VIEW spooled AS SELECT * FROM spooled_rows"

    @property
    def rank_copies(self) -> str:
        """``ranked``: a round for each report that shows a leg, and in it copy 1 is the one that is merged.

        It is that of the campaign which the table has, else of the first campaign by name; of these the latest read.
        """
        return f"""
            CREATE TEMP TABLE ranked AS
            SELECT s.*, dense_rank() OVER (PARTITION BY s.call_key ORDER BY s.source_report) AS round,
                row_number() OVER (
                    PARTITION BY s.call_key, s.source_report
                    ORDER BY (t.campaign IS NOT DISTINCT FROM s.campaign) DESC, s.campaign, s.place DESC
                ) AS copy
            FROM spooled_rows s
            LEFT JOIN (SELECT call_key, campaign FROM {self.calls} WHERE {self.days}) t USING (call_key)"""

    @property
    def count_rounds(self) -> str:
        return "SELECT max(round) FROM ranked"

    @staticmethod
    def keep_round(number: int) -> str:
        return f"CREATE OR REPLACE TEMP VIEW spooled AS SELECT * FROM ranked WHERE copy = 1 AND round = {number}"

    @staticmethod
    def count_copies(number: int) -> str:
        """source_key, its rows that were not merged in this round, and those that another campaign's row stands for."""
        return f"""
            SELECT r.source_key, count(*), count(*) FILTER (WHERE r.campaign <> coalesce(a.holder, a.campaign))
            FROM ranked r JOIN actions a USING (call_key) WHERE r.round = {number} AND r.copy > 1 GROUP BY ALL"""

    @property
    def count_actions(self) -> str:
        return (
            "SELECT source_key, action, count(*), count(*) FILTER (WHERE holder <> campaign) FROM actions GROUP BY ALL"
        )

    @property
    def classify(self) -> str:
        """``actions``: for each spooled row what is to be done, and the campaign that the table's row has."""
        return f"""
            CREATE OR REPLACE TEMP TABLE actions AS
            SELECT s.call_key, s.source_key, s.uniqueid IS NULL AS bare, s.campaign, t.campaign AS holder,
                CASE WHEN t.call_key IS NULL THEN 'insert' WHEN t.row_hash = s.row_hash THEN 'unchanged'
                     WHEN s.source_report > t.source_report THEN 'fill' ELSE 'update' END AS action,
                CASE WHEN s.source_report > t.source_report THEN s.call_key END AS other_key
            FROM (SELECT call_key, source_key, uniqueid, row_hash, campaign, source_report FROM spooled) s
            LEFT JOIN (SELECT call_key, row_hash, campaign, source_report FROM {self.calls} WHERE {self.days}) t
                USING (call_key)"""

    @property
    def has_bare_rows(self) -> str:
        """Whether the table has rows without uniqueid in these days, which a row with one could take over."""
        return f"SELECT EXISTS (SELECT 1 FROM {self.calls} WHERE {self.days} AND uniqueid IS NULL)"

    @property
    def find_takeovers(self) -> str:
        """New rows with a uniqueid that tell of a call which the table has without; other_key is its old key."""
        return self._pair(new_bare=False, action="takeover")

    @property
    def find_fills(self) -> str:
        """New rows without uniqueid that tell of a call which the table has with one; other_key is its key."""
        return self._pair(new_bare=True, action="fill")

    def _pair(self, *, new_bare: bool, action: str) -> str:
        """The n-th of some alike new rows belongs to the n-th of the alike rows in the table."""
        legs = ", ".join(LEG)
        alike = " AND ".join(f"s.{name} IS NOT DISTINCT FROM t.{name}" for name in LEG[3:])
        same = " AND ".join(f"s.{name} = t.{name}" for name in LEG[:3])
        table_bare = "IS NOT NULL" if new_bare else "IS NULL"
        return f"""
            UPDATE actions SET action = '{action}', other_key = pairs.old_key, holder = pairs.holder
            FROM (
                SELECT s.call_key AS new_key, t.call_key AS old_key, t.campaign AS holder
                FROM (
                    SELECT {legs}, call_key,
                        row_number() OVER (PARTITION BY {legs} ORDER BY uniqueid, call_key) AS number
                    FROM spooled SEMI JOIN (
                        SELECT call_key FROM actions WHERE action = 'insert' AND bare = {new_bare}) USING (call_key)
                ) s JOIN (
                    SELECT {legs}, call_key, campaign,
                        row_number() OVER (PARTITION BY {legs} ORDER BY uniqueid, call_key) AS number
                    FROM {self.calls} WHERE {self.days} AND uniqueid {table_bare}
                ) t ON {same} AND {alike} AND s.number = t.number
            ) AS pairs WHERE actions.call_key = pairs.new_key"""

    @property
    def follow_takeovers(self) -> str:
        """What was to fill a row that has been taken over fills it under its new key."""
        return """
            UPDATE actions SET other_key = taken.call_key
            FROM (SELECT call_key, other_key FROM actions WHERE action = 'takeover') AS taken
            WHERE actions.action = 'fill' AND actions.other_key = taken.other_key"""

    @property
    def insert_all(self) -> str:
        """Where every spooled row is new, no second join is needed."""
        return self._insert("spooled")

    def insert_new(self, *, bare: bool) -> str:
        chosen = f"(SELECT call_key FROM actions WHERE action = 'insert' AND bare = {bare})"
        return self._insert(f"spooled SEMI JOIN {chosen} USING (call_key)")

    def _insert(self, source: str) -> str:
        names = [column.name for column in self.columns]
        return f"""
            INSERT INTO {self.calls} ({", ".join([*names, *WRITTEN_AT_COMMIT])})
            SELECT {", ".join(names)}, $now, $now, $run_id FROM {source}"""

    @property
    def update_changed(self) -> tuple[str, ...]:
        """Null replaces a known value only where the same report shows it as empty now."""
        return self._rewritten("update", self._owned({name: self._newer(name) for name in self._content}))

    @property
    def take_over(self) -> tuple[str, ...]:
        """The row gets the new key and all that is known of the call from either report."""
        known = {name: f"coalesce(s.{name}, t.{name})" for name in ("call_key", *self._content)}
        return self._rewritten("takeover", self._owned(known))

    @property
    def mark_fills(self) -> str:
        """Tell apart the fills that add something to a row."""
        missing = " OR ".join(f"(t.{name} IS NULL AND s.{name} IS NOT NULL)" for name in self._content)
        return f"""
            UPDATE actions SET action = 'fill and change'
            FROM (SELECT s.*, a.other_key FROM spooled s JOIN actions a USING (call_key) WHERE a.action = 'fill') s
            JOIN {self.calls} t ON t.call_key = s.other_key AND t.{self.days}
            WHERE actions.call_key = s.call_key AND ({missing})"""

    @property
    def fill(self) -> tuple[str, ...]:
        """Only what the row lacks; its hash stays, so that its own report still finds it unchanged."""
        lacking = {name: f"coalesce(t.{name}, s.{name})" for name in self._content}
        return self._rewritten("fill and change", lacking)

    def _rewritten(self, action: str, values: dict[str, str]) -> tuple[str, ...]:
        """The rows are put together, taken out and put back, with the columns that an analyst has added.

        UPDATE keeps every changed value in memory until the end of the transaction: 400,000 rows of 28 columns did not
        fit into 256 MB, and a batch that does not fit never will.
        """
        replaced = {**values, "updated_at": "$now", "run_id": "$run_id"}
        keys = f"SELECT coalesce(other_key, call_key) FROM actions WHERE action = '{action}'"
        return (
            f"""
            CREATE OR REPLACE TEMP TABLE rewritten AS
            SELECT t.* REPLACE ({", ".join(f"{value} AS {name}" for name, value in replaced.items())})
            FROM (SELECT s.*, coalesce(a.other_key, a.call_key) AS old_key
                  FROM spooled s JOIN actions a USING (call_key) WHERE a.action = '{action}') s
            JOIN {self.calls} t ON t.call_key = s.old_key AND t.{self.days}""",
            f"DELETE FROM {self.calls} WHERE {self.days} AND call_key IN ({keys})",
            f"INSERT INTO {self.calls} SELECT * FROM rewritten",
        )

    @staticmethod
    def _owned(values: dict[str, str]) -> dict[str, str]:
        return {**values, **{name: f"s.{name}" for name in OWN}}

    @property
    def _content(self) -> tuple[str, ...]:
        """Columns that tell something of the call."""
        return tuple(column.name for column in self.columns if column.name not in (*IDENTITY, *OWN))

    @staticmethod
    def _newer(name: str) -> str:
        if name in KEPT:
            return f"coalesce(s.{name}, t.{name})"
        return f"CASE WHEN s.{name} IS NULL AND s.source_report <> t.source_report THEN t.{name} ELSE s.{name} END"

"""The SQL of one commit's calls, pure: statements from names and bounds, run in order inside one transaction.

Both warehouses take the same statements but for what ``Dialect`` names. Identity: a row with a uniqueid is known by its
call_key. What comes without one and tells of a call that is there only adds what that row lacks; what comes with one
takes over the row without. First everything is classified by one join, then new rows are inserted and changed ones
updated, so that a batch without news writes nothing. The bounds on call_date are constants: the cost does not grow with
the table. Of two reports that show a leg under one key, the one whose name sorts first owns the row, and the other only
fills it: were both to write it, they would do so for ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from tables import WRITTEN_AT_COMMIT, Column

IDENTITY = ("call_key", "client_id", "campaign", "direction", "call_date")
"""Never changed by an update; the day of a call is part of its identity."""
OWN = ("client_name", "source_report", "row_hash")
"""Always taken from the newer row."""
KEPT = ("term_reason", "wrapup_seconds")
"""Null here means that the dialer's build does not show it, in every report."""
PHONE = "phone"
LEG = ("client_id", "direction", "call_time_local", "ingroup", "dialer_campaign", PHONE)
"""By these a call that two reports show is recognised where only one of them shows its uniqueid."""


class Dialect(Protocol):
    """What differs between the warehouses in a commit of calls."""

    new_table: str
    """How a temporary table is made anew in each round."""
    now: str
    """How a statement names the time of the commit, which is a parameter of it."""
    run_id: str

    def rewritten(self, script: "CommitScript", source: str, action: str, values: Mapping[str, str]) -> tuple[str, ...]:
        """Statements that set ``values`` (of ``s`` and ``t``) in the calls that have this action.

        ``s`` is a spooled row of ``source``, ``t`` the row of the table that it belongs to: by old_key in ``actions``.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitScript:
    """Statements for a table ``calls`` of quoted name, with the rows of the batch in a relation ``spooled``.

    ``spooled`` is in ``place`` order the latest read last. What one round merges is a ``source``: one row per call_key.
    """

    calls: str
    columns: tuple[Column, ...]
    """Those of the calls table that a spool file has."""
    spooled: str
    first_day: date
    last_day: date
    dialect: Dialect
    only_new: bool = False
    """Calls that the table has stay as they are, and count as unchanged."""

    @property
    def days(self) -> str:
        return f"call_date BETWEEN DATE '{self.first_day.isoformat()}' AND DATE '{self.last_day.isoformat()}'"

    @property
    def measure(self) -> str:
        """Rows in the files, those outside the bounds, and whether several sources or windows show the same leg."""
        return f"""
            SELECT count(*), count(CASE WHEN ({self.days}) IS NOT TRUE THEN 1 END), count(*) > count(DISTINCT call_key)
            FROM {self.spooled}"""

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
            FROM {self.spooled} s
            LEFT JOIN (SELECT call_key, campaign FROM {self.calls} WHERE {self.days}) t ON t.call_key = s.call_key"""

    @property
    def count_rounds(self) -> str:
        return "SELECT max(round) FROM ranked"

    @staticmethod
    def of_round(number: int) -> str:
        """The source of one round."""
        return f"(SELECT * FROM ranked WHERE copy = 1 AND round = {number})"

    @staticmethod
    def count_copies(number: int) -> str:
        """source_key, its rows that were not merged in this round, and those that another campaign's row stands for."""
        return f"""
            SELECT r.source_key, count(*) AS legs,
                count(CASE WHEN r.campaign <> coalesce(a.holder, a.campaign) THEN 1 END) AS overlapping
            FROM ranked r JOIN actions a ON a.call_key = r.call_key
            WHERE r.round = {number} AND r.copy > 1 GROUP BY r.source_key"""

    @property
    def count_actions(self) -> str:
        """source_key, action, its rows, and those of them that another campaign shows."""
        action = "CASE WHEN action = 'insert' THEN action ELSE 'unchanged' END" if self.only_new else "action"
        return f"""
            SELECT source_key, action, count(*) AS legs, count(CASE WHEN holder <> campaign THEN 1 END) AS overlapping
            FROM (SELECT source_key, {action} AS action, holder, campaign FROM actions) AS done
            GROUP BY source_key, action"""

    def classify(self, source: str) -> str:
        """``actions``: for each row of the source what is to be done, and the campaign that the table's row has."""
        return f"""
            {self.dialect.new_table} actions AS
            SELECT s.call_key, s.source_key, s.call_date, s.uniqueid IS NULL AS bare, s.campaign, t.campaign AS holder,
                CASE WHEN t.call_key IS NULL THEN 'insert' WHEN t.row_hash = s.row_hash THEN 'unchanged'
                     WHEN s.source_report > t.source_report THEN 'fill' ELSE 'update' END AS action,
                CASE WHEN s.source_report > t.source_report THEN s.call_key END AS other_key
            FROM {source} s
            LEFT JOIN (SELECT call_key, row_hash, campaign, source_report FROM {self.calls} WHERE {self.days}) t
                ON t.call_key = s.call_key"""

    @property
    def bare_rows(self) -> str:
        """The table's rows without uniqueid in these days, which a row with one could take over."""
        return f"SELECT 1 FROM {self.calls} WHERE {self.days} AND uniqueid IS NULL"

    def find_takeovers(self, source: str) -> str:
        """New rows with a uniqueid that tell of a call which the table has without; other_key is its old key."""
        return self._pair(source, new_bare=False, action="takeover")

    def find_fills(self, source: str) -> str:
        """New rows without uniqueid that tell of a call which the table has with one; other_key is its key."""
        return self._pair(source, new_bare=True, action="fill")

    def _pair(self, source: str, *, new_bare: bool, action: str) -> str:
        """The n-th of some alike new rows belongs to the n-th alike row of the table that is not spoken for.

        A number that was forgotten is missing in one of them: then they belong together where each is the only one.
        """
        legs = ", ".join(LEG)
        numbered = f"row_number() OVER (PARTITION BY {legs} ORDER BY uniqueid, call_key) AS number"
        numbered += f", count(*) OVER (PARTITION BY {', '.join(LEG[:-1])}) AS legs_there"
        alike = " AND ".join(f"s.{name} IS NOT DISTINCT FROM t.{name}" for name in LEG[3:-1])
        nth = f"s.{PHONE} IS NOT DISTINCT FROM t.{PHONE} AND s.number = t.number"
        only = f"(s.{PHONE} IS NULL OR t.{PHONE} IS NULL) AND s.legs_there = 1 AND t.legs_there = 1"
        same = " AND ".join(f"s.{name} = t.{name}" for name in LEG[:3])
        candidates = "uniqueid IS NULL"
        if new_bare:
            spoken_for = "SELECT coalesce(other_key, call_key) FROM actions WHERE action = 'fill'"
            spoken_for += " UNION ALL SELECT call_key FROM actions WHERE action = 'takeover'"
            candidates = f"uniqueid IS NOT NULL AND call_key NOT IN ({spoken_for})"
        chosen = f"SELECT call_key FROM actions WHERE action = 'insert' AND bare = {new_bare}"
        return f"""
            UPDATE actions SET action = '{action}', other_key = pairs.old_key, holder = pairs.holder
            FROM (
                SELECT s.call_key AS new_key, t.call_key AS old_key, t.campaign AS holder
                FROM (
                    SELECT {legs}, call_key, {numbered}
                    FROM {source} WHERE call_key IN ({chosen})
                ) s JOIN (
                    SELECT {legs}, call_key, campaign, {numbered}
                    FROM {self.calls} WHERE {self.days} AND {candidates}
                ) t ON {same} AND {alike} AND (({nth}) OR ({only}))
            ) AS pairs WHERE actions.call_key = pairs.new_key"""

    @property
    def follow_takeovers(self) -> str:
        """What was to fill a row that has been taken over fills it under its new key."""
        return """
            UPDATE actions SET other_key = taken.call_key
            FROM (SELECT call_key, other_key FROM actions WHERE action = 'takeover') AS taken
            WHERE actions.action = 'fill' AND actions.other_key = taken.other_key"""

    def insert_all(self, source: str) -> str:
        """Where every row of the source is new, no second join is needed."""
        return self._insert(source)

    def insert_new(self, source: str, *, bare: bool) -> str:
        chosen = f"SELECT call_key FROM actions WHERE action = 'insert' AND bare = {bare}"
        return self._insert(f"{source} WHERE call_key IN ({chosen})")

    def _insert(self, source: str) -> str:
        names = [column.name for column in self.columns]
        return f"""
            INSERT INTO {self.calls} ({", ".join([*names, *WRITTEN_AT_COMMIT])})
            SELECT {", ".join(names)}, {self.dialect.now}, {self.dialect.now}, {self.dialect.run_id} FROM {source}"""

    def update_changed(self, source: str) -> tuple[str, ...]:
        """Null replaces a known value only where the same report shows it as empty now."""
        return self._rewritten(source, "update", {name: self._newer(name) for name in self._content})

    def take_over(self, source: str) -> tuple[str, ...]:
        """The row gets the new key and all that is known of the call from either report."""
        known = {name: f"coalesce(s.{name}, t.{name})" for name in ("call_key", *self._content)}
        return self._rewritten(source, "takeover", known | {PHONE: f"s.{PHONE}"})

    def mark_fills(self, source: str) -> str:
        """Tell apart the fills that add something to a row."""
        missing = " OR ".join(f"(t.{name} IS NULL AND s.{name} IS NOT NULL)" for name in self._fillable)
        return f"""
            UPDATE actions SET action = 'fill and change'
            FROM (
                SELECT s.call_key
                FROM (SELECT call_key, other_key FROM actions WHERE action = 'fill') a
                JOIN {source} s ON s.call_key = a.call_key
                JOIN (SELECT * FROM {self.calls} WHERE {self.days}) t ON t.call_key = a.other_key
                WHERE {missing}
            ) AS adding WHERE actions.call_key = adding.call_key"""

    def fill(self, source: str) -> tuple[str, ...]:
        """Only what the row lacks; its hash stays, so that its own report still finds it unchanged."""
        lacking = {name: f"coalesce(t.{name}, s.{name})" for name in self._fillable}
        return self._changed(source, "fill and change", lacking)

    def _rewritten(self, source: str, action: str, values: Mapping[str, str]) -> tuple[str, ...]:
        owned = {**values, **{name: f"s.{name}" for name in OWN}}
        return self._changed(source, action, owned)

    def _changed(self, source: str, action: str, values: Mapping[str, str]) -> tuple[str, ...]:
        if self.only_new:
            return ()
        stamped = {**values, "updated_at": self.dialect.now, "run_id": self.dialect.run_id}
        return self.dialect.rewritten(self, source, action, stamped)

    @property
    def _content(self) -> tuple[str, ...]:
        """Columns that tell something of the call."""
        return tuple(column.name for column in self.columns if column.name not in (*IDENTITY, *OWN))

    @property
    def _fillable(self) -> tuple[str, ...]:
        """Not the number: where the row has none, it was erased with the person's other number, or is not shown."""
        return tuple(name for name in self._content if name != PHONE)

    @staticmethod
    def _newer(name: str) -> str:
        if name in KEPT:
            return f"coalesce(s.{name}, t.{name})"
        return f"CASE WHEN s.{name} IS NULL AND s.source_report <> t.source_report THEN t.{name} ELSE s.{name} END"


def groups_of(calls: str, days: Sequence[date]) -> str:
    """client_id, and each campaign and in-group of its calls in these days."""
    return (
        f"SELECT DISTINCT client_id, coalesce(ingroup, dialer_campaign) AS name FROM {calls}"
        f" WHERE call_date IN ({_listed(days)}) AND coalesce(ingroup, dialer_campaign) IS NOT NULL"
    )


def hashes_of(calls: str, days: Sequence[date], keys: str) -> str:
    """call_key and row_hash of the calls of these days whose key is in ``keys``, which is SQL."""
    return f"SELECT call_key, row_hash FROM {calls} WHERE call_date IN ({_listed(days)}) AND call_key IN {keys}"


def _listed(days: Sequence[date]) -> str:
    return ", ".join(f"DATE '{day.isoformat()}'" for day in days)

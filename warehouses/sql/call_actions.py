"""Actions for the rows of a commit, pure: which rows are new, changed, unchanged, or second calls under one key."""

from dataclasses import dataclass

from tables import CHANNEL_COLUMNS
from warehouses.sql.call_identity import COMPARED, are_two_calls, is_archive, is_masked, null_if_masked
from warehouses.sql.commit_scope import CHANGE, FILLS, LEG, PHONE, CommitScope

EQUAL_NUMBERS = f"coalesce({null_if_masked(f's.{PHONE}')} = t.{PHONE}, FALSE)"


@dataclass(frozen=True, slots=True)
class CallActions:
    """Statements for the temporary table ``actions``. A call is ``apart`` if another call has its call_key."""

    scope: CommitScope

    def classify(self, source: str) -> str:
        """Make ``actions``: an action for each row of the source, and the campaign of the table's row.

        own_key is the key of a new row: call_key, or another one where call_key belongs to another call.
        """
        other = f"t.row_hash <> s.row_hash AND {are_two_calls('s.', 't.')}"
        own_key = f"CASE WHEN NOT s.apart AND {other} THEN {self.scope.new_key} ELSE s.call_key END"
        return f"""
            {self.scope.dialect.new_table} actions AS
            SELECT s.call_key, {own_key} AS own_key,
                s.source_key, s.call_date, s.uniqueid IS NULL AS bare, s.campaign, t.campaign AS holder,
                CASE WHEN t.call_key IS NULL AND s.apart THEN 'insert apart' WHEN t.call_key IS NULL THEN 'insert'
                     WHEN {other} THEN 'insert apart' ELSE {CHANGE} END AS action,
                CASE WHEN {FILLS} THEN s.call_key END AS other_key
            FROM {source} s
            LEFT JOIN (
                SELECT call_key, row_hash, campaign, source_report, {", ".join([*COMPARED, *CHANNEL_COLUMNS])}
                FROM {self.scope.calls} WHERE {self.scope.days}
            ) t ON t.call_key = s.call_key"""

    def find_apart(self, source: str) -> str:
        """Find calls apart in the table under a key of their own. other_key becomes this key."""
        own = "t.call_key = s.own_key"
        same = f"t.uniqueid IS NOT DISTINCT FROM s.uniqueid AND ({own} OR s.lead_id = t.lead_id OR {EQUAL_NUMBERS})"
        spoken_for = "SELECT coalesce(other_key, call_key) FROM actions WHERE action <> 'insert apart'"
        candidates = f"call_key NOT IN ({spoken_for})"
        return self._match(source, "action = 'insert apart'", same, candidates=candidates, best=own)

    @property
    def mark_rest_as_new(self) -> str:
        """Turn the remaining calls apart into new ones. The table does not have them."""
        return "UPDATE actions SET action = 'insert' WHERE action = 'insert apart'"

    def find_known(self, source: str) -> str:
        """Find new rows without uniqueid in the table under another key.

        The number is masked in one of them, or the table's row is from the archive.
        """
        unknown = " OR ".join(f"coalesce({is_masked(f'{alias}.{PHONE}')}, FALSE)" for alias in "st")
        same = f"s.lead_id = t.lead_id AND ({EQUAL_NUMBERS} OR {unknown})"
        same += f" AND (t.uniqueid IS NULL OR NOT {is_archive('s.source_report')})"
        candidates = f"(uniqueid IS NULL AND {self._not_shown} OR {is_archive('source_report')})"
        return self._match(source, "action = 'insert' AND bare", same, candidates=candidates, best=EQUAL_NUMBERS)

    def _match(self, source: str, chosen: str, same: str, *, candidates: str, best: str) -> str:
        """Match ``chosen`` rows of ``actions`` with candidates of the same moment and the ``same`` call."""
        alike = " AND ".join(f"s.{name} IS NOT DISTINCT FROM t.{name}" for name in LEG[:-1])
        columns = ", ".join(dict.fromkeys([*LEG, *COMPARED, *CHANNEL_COLUMNS]))
        return f"""
            UPDATE actions SET action = found.action, other_key = found.old_key, holder = found.campaign
            FROM (
                SELECT s.call_key AS new_key, t.call_key AS old_key, t.campaign, {CHANGE} AS action,
                    row_number() OVER (PARTITION BY s.call_key ORDER BY {best} DESC, t.call_key) AS choice,
                    row_number() OVER (PARTITION BY t.call_key ORDER BY {best} DESC, s.call_key) AS claim
                FROM (
                    SELECT s.*, a.own_key
                    FROM {source} s JOIN (SELECT call_key, own_key FROM actions WHERE {chosen}) a
                        ON a.call_key = s.call_key
                ) s
                JOIN (
                    SELECT call_key, campaign, row_hash, source_report, uniqueid, {columns}
                    FROM {self.scope.calls} WHERE {self.scope.days} AND {candidates}
                ) t ON {alike} AND t.call_key <> s.call_key AND {same} AND NOT {are_two_calls("s.", "t.")}
            ) AS found WHERE actions.call_key = found.new_key AND found.choice = 1 AND found.claim = 1"""

    @property
    def _not_shown(self) -> str:
        """Return a condition for rows without uniqueid: the batch does not show this row."""
        found = "SELECT other_key FROM actions WHERE other_key IS NOT NULL"
        return f"call_key NOT IN (SELECT call_key FROM {self.scope.spooled} UNION ALL {found})"

    @property
    def count(self) -> str:
        """Select source_key, action, its rows, and the number of them with another campaign."""
        action = "CASE WHEN action = 'insert' THEN action ELSE 'unchanged' END" if self.scope.only_new else "action"
        return f"""
            SELECT source_key, action, count(*) AS legs, count(CASE WHEN holder <> campaign THEN 1 END) AS overlapping
            FROM (SELECT source_key, {action} AS action, holder, campaign FROM actions) AS done
            GROUP BY source_key, action"""

"""Abilities of VICIdial's builds. No other module compares build numbers.

Source: the trees of builds 110124 to 250720, run against the same data.
"""

from dataclasses import dataclass

EXPORT, USER_STATS = "call_report_export", "user_stats"


@dataclass(frozen=True, slots=True)
class Ability:
    """Something that dialers can do since a build."""

    since: int
    """First build that can do it, yymmdd."""
    report: str
    name: str
    without: str
    """Effect of an older build, as a sentence."""

    def is_in(self, build: int | None) -> bool:
        """Return true if the build can do it. A dialer that does not tell its build is taken for a new one."""
        return build is None or build >= self.since


IGNORED = "It is ignored: more calls, or live ones, come. `check` reports it."

HOURS = Ability(230622, EXPORT, "single hours", "Each read of a day gets the whole day.")
ONE_USER = Ability(230622, EXPORT, "the parameter `user`", IGNORED)
ALL_CAMPAIGNS = Ability(
    190116, EXPORT, "choosing all campaigns and in-groups",
    "`dialer_campaigns` and `ingroups` must name them. Otherwise the client fails with this advice.",
)  # fmt: skip
EXTENDED_2 = Ability(160121, EXPORT, "the format EXTENDED_2", "`term_reason` stays null.")
ARCHIVED_AGENTS = Ability(151227, USER_STATS, "the parameter `search_archived_data`", IGNORED)
ARCHIVED_CALLS = Ability(151125, EXPORT, "the parameter `search_archived_data`", IGNORED)
ONE_STATUS = Ability(150804, USER_STATS, "the parameter `call_status`", IGNORED)
DIALLED_NUMBERS = Ability(110911, EXPORT, "dialled numbers", "`did_pattern`, `did_id` and `did_description` stay null.")
TABLES_AS_CSV = Ability(110703, USER_STATS, "tables as CSV", "The report cannot be read. Use `call_report_export`.")
EXTENDED = Ability(
    110329, EXPORT, "the format EXTENDED",
    "`uniqueid` and the columns of the channel stay null. Time, group and phone identify a call.",
)  # fmt: skip
ABILITIES = (
    HOURS, ONE_USER, ALL_CAMPAIGNS, EXTENDED_2, ARCHIVED_AGENTS, ARCHIVED_CALLS, ONE_STATUS, DIALLED_NUMBERS,
    TABLES_AS_CSV, EXTENDED,
)  # fmt: skip
"""The newest first."""


def find_missing_abilities(build: int, report: str) -> list[Ability]:
    """Return what a build cannot do for a report, the newest ability first."""
    return [ability for ability in ABILITIES if ability.report == report and not ability.is_in(build)]


def name_missing_abilities(build: int, report: str) -> tuple[str, ...]:
    """Return the names for people of what a build cannot do."""
    return tuple(ability.name.replace("`", "") for ability in find_missing_abilities(build, report))

"""The call centre behind a dialer: its agents, campaigns, in-groups, lists and statuses, as its admin tables hold them.

An id missing here hides calls: an export of everything joins these tables. Ids used by calls, and missing in the
tables, are at the bottom.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from simulated_dialer.legs import (
    HIDDEN_BY_CAMPAIGN,
    HIDDEN_BY_INGROUP,
    HIDDEN_BY_LEAD,
    HIDDEN_BY_LIST,
    HIDDEN_BY_STATUS,
    HIDDEN_BY_USER,
    HIDDEN_BY_USER_GROUP,
    Leg,
)


@dataclass(frozen=True, slots=True)
class Agent:
    """A user with calls. ``logs_in`` is False for users without an agent-log entry (VDCL, remote agents)."""

    user: str
    name: str
    user_group: str
    cp1252: bool = False
    logs_in: bool = True


@dataclass(frozen=True, slots=True)
class LeadList:
    """A list of leads. Its two texts go into exports as they are, tabs and line feeds included."""

    name: str
    description: str = ""
    cp1252: bool = False


@dataclass(frozen=True, kw_only=True)
class CallCentre:
    """The tables of today. ``largest_lead_id`` bounds the existing leads."""

    agents: Mapping[str, Agent]
    campaigns: tuple[str, ...]
    ingroups: tuple[str, ...]
    lists: Mapping[int, LeadList]
    statuses: Mapping[str, str]
    user_groups: tuple[str, ...] = ("AGENTS", "CLOSERS")
    largest_lead_id: int = 20_000

    @classmethod
    def of_seed(cls, seed: int) -> Self:
        """Return a centre of 4 campaigns, 4 in-groups, 26 agents and 6 lists. Some names differ with the seed."""
        chance = random.Random(f"centre {seed}")  # noqa: S311 - repeatable on purpose
        names = chance.sample(_CAMPAIGNS, 4)
        ingroups = chance.sample(_INGROUPS, 4)
        agents = [*_SYSTEM_AGENTS, *_ODD_AGENTS]
        for number in range(1001, 1015):
            first, last = chance.choice(_AGENT_FIRST), chance.choice(_AGENT_LAST)
            name = f"{first} {last}"
            agents.append(Agent(str(number), name, "AGENTS", cp1252=number % 6 == 0 and _is_western(name)))
        for number in range(2001, 2007):
            agents.append(Agent(str(number), f"{chance.choice(_AGENT_FIRST)} Closer", "CLOSERS"))
        return cls(
            agents={agent.user: agent for agent in agents},
            campaigns=tuple(names),
            ingroups=tuple(ingroups),
            lists=dict(LISTS),
            statuses=dict(STATUSES),
        )

    @property
    def dids(self) -> Mapping[str, tuple[int, str]]:
        """Return the numbers that callers dial, with their id and description."""
        return {self.did_of(name): (6 + at, f"DID for {name}") for at, name in enumerate(self.ingroups)}

    def did_of(self, ingroup: str) -> str:
        """Return the number that leads to an in-group."""
        return f"312555{1000 + self.ingroups.index(ingroup)}"

    def covering(self, legs: list[Leg]) -> Self:
        """Return this centre with all ids of the legs added, except ids hiding a leg on purpose."""
        agents, lists, statuses = dict(self.agents), dict(self.lists), dict(self.statuses)
        campaigns, ingroups, groups = list(self.campaigns), list(self.ingroups), list(self.user_groups)
        for leg in legs:
            if leg.agent_user not in agents and leg.hidden != HIDDEN_BY_USER:
                agents[leg.agent_user] = Agent(leg.agent_user, leg.agent_name, leg.user_group)
            for list_id in {leg.list_id, leg.logged_list_id} - lists.keys():
                if leg.hidden != HIDDEN_BY_LIST:
                    lists[list_id] = LeadList(f"List {list_id}")
            if leg.status and leg.status not in statuses and leg.hidden != HIDDEN_BY_STATUS:
                statuses[leg.status] = leg.status_name or leg.status.title()
            ids = campaigns if leg.direction == "outbound" else ingroups
            if leg.campaign_id not in ids and leg.hidden not in {HIDDEN_BY_CAMPAIGN, HIDDEN_BY_INGROUP}:
                ids.append(leg.campaign_id)
            if leg.user_group and leg.user_group not in groups and leg.hidden != HIDDEN_BY_USER_GROUP:
                groups.append(leg.user_group)
        return replace(
            self,
            agents=agents,
            lists=lists,
            statuses=statuses,
            campaigns=tuple(campaigns),
            ingroups=tuple(ingroups),
            user_groups=tuple(groups),
        )

    def complete(self, leg: Leg) -> Leg:
        """Add the values of the tables to a leg: the names of agent and status, and the reason to hide it."""
        agent = self.agents.get(leg.agent_user)
        return replace(
            leg,
            status_name=self.statuses.get(leg.status or "", ""),
            agent_name=agent.name if agent else leg.agent_name,
            hidden=self._why_hidden(leg),
        )

    def _why_hidden(self, leg: Leg) -> str | None:
        outbound = leg.direction == "outbound"
        checks = (
            (leg.logged_list_id in self.lists and leg.list_id in self.lists, HIDDEN_BY_LIST),
            (leg.status in self.statuses, HIDDEN_BY_STATUS),
            (leg.agent_user in self.agents, HIDDEN_BY_USER),
            (leg.lead_id <= self.largest_lead_id, HIDDEN_BY_LEAD),
            (not leg.user_group or leg.user_group in self.user_groups, HIDDEN_BY_USER_GROUP),
            (not outbound or leg.campaign_id in self.campaigns, HIDDEN_BY_CAMPAIGN),
            (outbound or leg.campaign_id in self.ingroups, HIDDEN_BY_INGROUP),
        )
        return next((reason for defined, reason in checks if not defined), None)


def _is_western(text: str) -> bool:
    return all(ord(letter) < 256 for letter in text)


# The dialer's own names of its codes and of the two users that stand for "nobody".
STATUSES = {
    "A": "Answering Machine",
    "AA": "Answering Machine Auto",
    "ADC": "Disconnected Number Auto",
    "AFTHRS": "Inbound After Hours Drop",
    "B": "Busy",
    "CALLBK": "Call Back",
    "DNC": "DO NOT CALL",
    "DROP": "Agent Not Available",
    "INCALL": "Lead Being Called",
    "N": "No Answer",
    "NA": "No Answer AutoDial",
    "NANQUE": "Inbound No Agent No Queue Drop",
    "NI": "Not Interested",
    "NP": "No Pitch No Price",
    "QUEUE": "Lead To Be Called",
    "SALE": "Sale Made",
    "TIMEOT": "Inbound Queue Timeout Drop",
    "WRONGN": "Wrong number é",
    "XDROP": "Agent Not Available IN",
    "XFER": "Call Transferred",
    "XSALE": 'Transfer "sale"',
}
LISTS = {
    101: LeadList('Sales, "A" list', 'desc, with "quotes"'),
    102: LeadList("Survey list"),
    103: LeadList("Renewals é", "plain"),
    104: LeadList("Xfer list", "NULL"),
    105: LeadList("Größe «alt»", "été 2026 – niño", cp1252=True),
    999: LeadList("Default inbound list", "desc with\ttab and\nnewline"),
}
_CAMPAIGNS = ["SALES1", "SURVEY", "RENEWAL", "XFERCAM", "WINBACK", "TEST_2", "UPSELL", "0042"]
_INGROUPS = ["SALES_IN", "SUPPORT_IN", "XFERCLOSE", "VIP_ES", "BILLING_IN", "AGENTDIRECT", "RETAIN-2", "0077"]
_SYSTEM_AGENTS = (
    Agent("VDAD", "Outbound Auto Dial", "ADMIN", logs_in=False),
    Agent("VDCL", "Inbound No Agent", "ADMIN", logs_in=False),
)
_ODD_AGENTS = (
    Agent("0042", 'Zoë "Zee" Ångström', "AGENTS"),
    Agent("ana_m-2", "Diaz, Carla", "CLOSERS"),
    Agent("2010", "Luis Peña", "CLOSERS", cp1252=True),
    Agent("remote1", "Remote, one", "CLOSERS", logs_in=False),
)
_AGENT_FIRST = [
    "Ana",
    "Bo",
    "Cem",
    "Dana",
    "Eva",
    "Françoise",
    "Gül",
    "Hugo",
    "Ines",
    "Jörg",
    "Олег",
    "李雷",
    "Ned",
    "Ola",
]
_AGENT_LAST = ["Smith", "Peña", "O'Neil", "van Dyke", "Kowalski", "Müller", "Ünsal", "Costa", "Jr., Doe", "Núñez"]

DELETED_AGENT = Agent("9017", "", "AGENTS")
DELETED_INGROUP = "OLDGROUP"
DELETED_CAMPAIGN = "OLDCAMP"
DELETED_USER_GROUP = "GONE"
DELETED_LISTS = (777, 0)
UNDEFINED_STATUSES: tuple[str | None, ...] = ("HXFER", "LIVE", None, "")

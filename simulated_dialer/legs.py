"""The legs of calls: the life of a leg, and its row in the dialer's log at one moment.

A `LegStory` is the whole life and never changes; a `Leg` is a row of the log. ``story.at(moment)`` is pure, so the
same world asked at the same moment always answers the same.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

Direction = Literal["outbound", "inbound"]
NO_AGENT = {"outbound": "VDAD", "inbound": "VDCL"}

# Reasons for which a call is in the log but not in the export that asks for everything.
HIDDEN_BY_LIST = "list"
HIDDEN_BY_STATUS = "status"
HIDDEN_BY_USER = "user"
HIDDEN_BY_LEAD = "lead"
HIDDEN_BY_INGROUP = "ingroup"
HIDDEN_BY_CAMPAIGN = "campaign"
HIDDEN_BY_USER_GROUP = "user_group"
# These need a row of another table that is gone; builds that do not expand ``---ALL---`` to ids lose them as well.
HIDDEN_IN_EVERY_BUILD = frozenset({HIDDEN_BY_USER, HIDDEN_BY_LEAD, HIDDEN_BY_INGROUP, HIDDEN_BY_CAMPAIGN})


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierEntry:
    """The entry of a channel in the carrier log."""

    hangup_cause: int
    dialstatus: str
    channel: str
    dial_seconds: int
    answered_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One call leg as the dialer's log has it at one moment; texts are as meant, not as some page spells them.

    ``campaign_id`` is the dialer campaign of an outbound leg and the in-group of an inbound one. ``list_id`` is the
    lead's list today, ``call_list_id`` the one stored with the call. ``hidden`` says why an export of everything
    (builds since 210911) lacks the leg, None when it has it. ``copies`` is how often such a build prints it (1 until
    the disposition, when the agent's log has it too). ``status`` None is SQL's NULL. ``caller_code`` is the dialer's
    own id of the call; None stands for the usual one, "" for one that its log has lost, together with ``server_ip``.
    """

    direction: Direction
    call_time_local: datetime
    campaign_id: str
    lead_id: int
    epoch: int = 0
    phone: str = ""
    status: str | None = "NA"
    status_name: str = ""
    length_seconds: int | None = 0
    queue_seconds: float = 0.0
    agent_user: str = ""
    agent_name: str = ""
    user_group: str = ""
    list_id: int = 101
    call_list_id: int | None = None
    term_reason: str = ""
    uniqueid: str = ""
    vendor_lead_code: str = ""
    source_id: str = ""
    wrapup_seconds: int = 0
    changed_at: int = 0
    did: str = ""
    caller_code: str | None = None
    server_ip: str = "10.10.10.15"
    carrier: CarrierEntry | None = None
    cpd_result: str = ""
    copies: int = 1
    hidden: str | None = None

    @property
    def ingroup(self) -> str:
        return self.campaign_id if self.direction == "inbound" else ""

    @property
    def dialer_campaign(self) -> str:
        return self.campaign_id if self.direction == "outbound" else ""

    @property
    def shown_caller_code(self) -> str:
        """Return the code of the call. The usual one is a letter, the time, and the lead as far as there is room."""
        if self.caller_code is not None:
            return self.caller_code
        time = str(self.call_time_local)
        digits = time[5:7] + time[8:10] + time[11:13] + time[14:16] + time[17:19]
        return f"{'V' if self.direction == 'outbound' else 'Y'}{digits}{self.lead_id:010d}"[:20]

    @property
    def logged_list_id(self) -> int:
        return self.list_id if self.call_list_id is None else self.call_list_id


@dataclass(frozen=True, slots=True, kw_only=True)
class LegStory:
    """A leg from birth to disposition. Moments are epochs (whole seconds UTC).

    ``leg`` is how it ends. Born and not answered it waits (QUEUE, no agent, no length); answered it is INCALL with
    its agent; at the end it gets length, hang-up reason and carrier entry, at ``disposed`` its status. A leg that no
    agent gets has ``answered`` None and is decided at once when it ends; an outbound one is not written before. Whether
    a row in between is hidden, and what its status is called, the world adds: that depends on the tables of the dialer.
    ``uniqueid_before`` is the one that it carries until it ends, where the dialer gives it another one then.
    ``wrapup_status`` is the status between hang-up and disposition.
    A clean-up may correct the length when all of that is over: at ``corrected``; until then it was ``first_length``.
    """

    leg: Leg
    born: int
    answered: int | None
    ended: int
    disposed: int
    switched: int | None = None
    lead_before_switch: Leg | None = None
    corrected: int | None = None
    first_length: int | None = None
    uniqueid_before: str = ""
    wrapup_status: str = "INCALL"

    def at(self, moment: int) -> Leg | None:
        """Return the row at ``moment``. None before its first sight."""
        if moment >= self.disposed:
            return self._with_its_length(self.leg, moment)
        if moment < self.born or (self.answered is None and self.leg.direction == "outbound"):
            return None
        undecided = replace(
            self._with_its_lead(moment), status="INCALL", status_name="", wrapup_seconds=0, copies=1, hidden=None
        )
        if self.uniqueid_before and moment < self.ended:
            undecided = replace(undecided, uniqueid=self.uniqueid_before)
        if moment < self.ended:
            undecided = replace(undecided, carrier=None)
        if self.answered is None or moment < self.answered:
            return replace(
                undecided,
                status="QUEUE",
                agent_user=NO_AGENT[undecided.direction],
                agent_name="",
                user_group="",
                queue_seconds=0.0,
                length_seconds=None,
                term_reason="",
                changed_at=self.born,
            )
        if moment < self.ended:
            return replace(undecided, length_seconds=None, term_reason="", changed_at=self.answered)
        return replace(self._with_its_length(undecided, moment), status=self.wrapup_status, changed_at=self.ended)

    def _with_its_length(self, leg: Leg, moment: int) -> Leg:
        if self.corrected is None or moment >= self.corrected:
            return leg
        return replace(leg, length_seconds=self.first_length, changed_at=self.disposed)

    def _with_its_lead(self, moment: int) -> Leg:
        if self.switched is None or self.lead_before_switch is None or moment >= self.switched:
            return self.leg
        return self.lead_before_switch

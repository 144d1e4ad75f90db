"""One day of random calls: their number, their times, and their ends.

Everything comes from the seed and the date. A day does not depend on days made before it.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from simulated_dialer.carriers import DETECTED, CarrierLog
from simulated_dialer.centres import (
    DELETED_AGENT,
    DELETED_CAMPAIGN,
    DELETED_INGROUP,
    DELETED_LISTS,
    DELETED_USER_GROUP,
    UNDEFINED_STATUSES,
    CallCentre,
)
from simulated_dialer.leads import Lead
from simulated_dialer.legs import NO_AGENT, CarrierEntry, Direction, Leg, LegStory
from simulated_dialer.volumes import STUCK_DAYS, Rates, Volume

_T = TypeVar("_T")
HIDDEN_ENDING = "HXFER"
OTHER_COUNTER = 100_000


class DayOfCalls:
    """The maker of the stories of one local day's calls, transfers included."""

    def __init__(
        self,
        seed: int,
        day: date,
        zone: ZoneInfo,
        *,
        centre: CallCentre,
        lead: Callable[[int], Lead],
        volume: Volume,
        rates: Rates,
    ) -> None:
        self._day, self._zone, self._centre, self._lead = day, zone, centre, lead
        self._volume, self._rates = volume, rates
        self._random = random.Random(f"day {seed} {day.isoformat()}")  # noqa: S311 - repeatable on purpose
        self._chance = self._random.random
        self._carriers = CarrierLog(seed, day)
        self._channels = 0
        logged_in = [agent for agent in centre.agents.values() if agent.logs_in]
        self._agents = [agent for agent in logged_in if agent.user_group == "AGENTS"] or logged_in
        self._closers = [agent for agent in centre.agents.values() if agent.user_group == "CLOSERS"] or logged_in

    def stories(self) -> list[LegStory]:
        stories: list[LegStory] = []
        for born, direction, is_open in self._starts():
            self._channels += 1
            uniqueid = f"{born}.{self._channels}"
            if direction == "outbound":
                stories += self._outbound(born, uniqueid)
            else:
                stories += self._inbound(born, uniqueid, is_open=is_open)
        return stories

    def _starts(self) -> Iterator[tuple[int, Direction, bool]]:
        midnight = datetime.combine(self._day, datetime.min.time(), self._zone)
        end = int((midnight.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=self._zone).timestamp())
        start = int(midnight.timestamp())
        for _ in range(self._rates.midnight_calls):
            yield start, "inbound", self._volume.is_open(0)
        outbound_due = inbound_due = 0.5
        for hour_start in range(start, end, 3600):
            hour = datetime.fromtimestamp(hour_start, self._zone).hour
            outbound, inbound = self._volume.outbound_and_inbound(hour, self._rates)
            outbound_due, inbound_due = outbound_due + outbound, inbound_due + inbound
            starts: list[tuple[int, Direction]] = []
            # What is left of a share of a call moves on to the next hour, so that small volumes add up exactly.
            starts += [(hour_start + int(self._chance() * 3600), "outbound") for _ in range(int(outbound_due))]
            starts += [(hour_start + int(self._chance() * 3600), "inbound") for _ in range(int(inbound_due))]
            outbound_due, inbound_due = outbound_due % 1, inbound_due % 1
            for born, direction in sorted(starts):
                yield born, direction, self._volume.is_open(hour)

    def _outbound(self, born: int, uniqueid: str) -> Iterator[LegStory]:
        rates = self._rates
        leg = self._row("outbound", born, uniqueid, self._one_of(self._centre.campaigns))
        if self._chance() >= rates.answered_outbound:
            status = self._one_of(_UNANSWERED_OUTBOUND)
            rings = 1 + int(self._chance() * 44)
            reason = "ABANDON" if status == "DROP" else "SYSTEM"
            carrier = self._carriers.log(status, rings)
            yield self._make_story(
                leg, born, None, born + rings, status=status, length=rings, reason=reason, carrier=carrier
            )
            return
        agent = self._one_of(self._agents)
        moved = self._chance() < rates.transferred_outbound
        talk = self._talk_seconds()
        carrier = self._carriers.log("", talk)
        yield self._make_story(
            replace(leg, agent_user=agent.user, user_group=agent.user_group),
            born,
            born,
            born + talk,
            status="XFER" if moved else self._one_of(_OUTBOUND_DISPOSITIONS),
            length=talk,
            reason=self._one_of(("CALLER", "AGENT", "AGENT")),
            carrier=carrier,
        )
        if moved:
            first = replace(leg, carrier=carrier)
            yield from self._inbound(born + talk - int(self._chance() * min(20, talk)), uniqueid, transferred=first)

    def _inbound(
        self, born: int, uniqueid: str, *, is_open: bool = True, transferred: Leg | None = None
    ) -> Iterator[LegStory]:
        other = transferred.ingroup if transferred else ""
        ingroups = [ingroup for ingroup in self._centre.ingroups if ingroup != other] or self._centre.ingroups
        leg = self._row("inbound", born, uniqueid, self._one_of(ingroups))
        leg = _transfer(leg, transferred) if transferred else replace(leg, did=self._centre.did_of(leg.campaign_id))
        if not is_open or self._chance() >= self._rates.answered_inbound:
            yield self._abandon(leg, born, is_open=is_open)
            return
        queue = 0.0 if self._chance() < 0.6 else round(self._chance() * 90, 2 if self._chance() < 0.2 else 0)
        agent = self._one_of(self._closers)
        moved = self._chance() < self._rates.transferred_inbound
        answered, talk = born + int(queue), self._talk_seconds()
        leg = replace(leg, agent_user=agent.user, user_group=agent.user_group, queue_seconds=queue)
        yield self._make_story(
            leg,
            born,
            answered,
            answered + talk,
            status="XFER" if moved else self._one_of(_INBOUND_DISPOSITIONS),
            length=talk + int(queue),
            reason=self._one_of(("CALLER", "CALLER", "AGENT")),
        )
        if moved:
            yield from self._inbound(answered + talk, uniqueid, transferred=leg)

    def _abandon(self, leg: Leg, born: int, *, is_open: bool) -> LegStory:
        status = self._one_of(_UNANSWERED_INBOUND) if is_open else "AFTHRS"
        queue = 1 if status == "AFTHRS" else 1 + int(self._chance() * 120)
        leg = replace(leg, queue_seconds=0.0 if status == "AFTHRS" else float(queue))
        reason = _REASON_OF_DROP.get(status, "ABANDON")
        return self._make_story(leg, born, None, born + queue, status=status, length=queue, reason=reason)

    def _row(self, direction: Direction, born: int, uniqueid: str, campaign_id: str) -> Leg:
        lead = self._lead(1 + int(self._chance() * self._centre.largest_lead_id))
        phone = lead.phone_number
        if self._chance() < self._rates.other_phones:
            phone = lead.alt_phone or ("" if direction == "inbound" and self._chance() < 0.1 else phone)
        return Leg(
            direction=direction,
            call_time_local=datetime.fromtimestamp(born, self._zone).replace(tzinfo=None),
            campaign_id=campaign_id,
            lead_id=lead.lead_id,
            epoch=born,
            phone=phone,
            agent_user=NO_AGENT[direction],
            list_id=lead.list_id,
            uniqueid=uniqueid,
            vendor_lead_code=lead.vendor_lead_code,
            source_id=lead.source_id,
        )

    def _make_story(
        self,
        leg: Leg,
        born: int,
        answered: int | None,
        ended: int,
        *,
        status: str | None,
        length: int,
        reason: str,
        carrier: CarrierEntry | None = None,
    ) -> LegStory:
        rates = self._rates
        wrapup = 0 if answered is None else 2 + int(self._chance() * 60)
        if answered is not None and self._chance() < rates.late_dispositions:
            wrapup = 300 + int(self._chance() * 2400)
        disposed = ended + wrapup
        if answered is not None and self._chance() < rates.lost_hangups:
            # The clean-up of the next night finds a call that nobody ended, and guesses its length.
            ended = disposed = born + 24 * 3600
        if self._happens(rates.stuck_calls, answered):
            ended = disposed = born + STUCK_DAYS * 24 * 3600
        if self._happens(rates.hidden_endings, answered):
            status = HIDDEN_ENDING
        corrected = None
        if answered is not None and rates.corrected_lengths and self._chance() < rates.corrected_lengths:
            corrected = disposed + 60 + int(self._chance() * 3600)
        copies = 1
        if leg.direction == "inbound" and answered is not None and self._chance() < rates.join_duplicates:
            copies = 2
        leg = replace(
            leg,
            status=status,
            length_seconds=length,
            term_reason=reason,
            wrapup_seconds=min(wrapup, 99),
            changed_at=corrected or disposed,
            copies=copies,
            carrier=carrier or leg.carrier,
            cpd_result=DETECTED.get(status or "", ""),
        )
        share = rates.hidden_outbound if leg.direction == "outbound" else rates.hidden_inbound
        if share and self._chance() < share:
            leg = self._orphan(leg)
        before, switched = None, None
        if answered is not None and self._chance() < rates.lead_switches:
            before, switched = leg, answered + (ended - answered) // 2
            leg = self._on_another_lead(leg)
        return LegStory(
            leg=self._centre.complete(leg),
            born=born,
            answered=answered,
            ended=ended,
            disposed=disposed,
            switched=switched,
            lead_before_switch=before,
            corrected=corrected,
            first_length=None if corrected is None else length * 2 + 60,
            uniqueid_before=self._first_uniqueid(leg, answered),
            wrapup_status="DISPO" if self._happens(rates.hidden_wrapups, answered) else "INCALL",
        )

    def _happens(self, share: float, answered: int | None) -> bool:
        """Decide about an agent's call. A share of 0 leaves the other calls of the day unchanged."""
        return answered is not None and share > 0 and self._chance() < share

    def _first_uniqueid(self, leg: Leg, answered: int | None) -> str:
        if leg.direction == "inbound" or not self._happens(self._rates.changed_uniqueids, answered):
            return ""
        epoch, _, number = leg.uniqueid.partition(".")
        return f"{epoch}.{int(number) + OTHER_COUNTER}"

    def _on_another_lead(self, leg: Leg) -> Leg:
        lead = self._lead(1 + int(self._chance() * self._centre.largest_lead_id))
        return replace(
            leg,
            lead_id=lead.lead_id,
            list_id=lead.list_id,
            call_list_id=leg.logged_list_id,
            vendor_lead_code=lead.vendor_lead_code,
            source_id=lead.source_id,
            caller_code=leg.shown_caller_code,
        )

    def _orphan(self, leg: Leg) -> Leg:
        """Point a leg to deleted rows, in the proportions of a real dialer."""
        case = int(self._chance() * 63)
        if case < 23:
            return replace(leg, call_list_id=DELETED_LISTS[0] if case < 16 else DELETED_LISTS[1])
        if case < 33 and leg.user_group:
            return replace(leg, agent_user=DELETED_AGENT.user)
        if case < 40:
            return replace(leg, lead_id=self._centre.largest_lead_id + 1 + case)
        if case < 55:
            return replace(leg, status=UNDEFINED_STATUSES[(case - 40) * 4 // 15])
        if case < 60 or not leg.user_group:
            return replace(leg, campaign_id=DELETED_INGROUP if leg.direction == "inbound" else DELETED_CAMPAIGN)
        return replace(leg, user_group=DELETED_USER_GROUP)

    def _talk_seconds(self) -> int:
        return min(5 + int(self._random.expovariate(1 / 280)), 3000)

    def _one_of(self, values: Sequence[_T]) -> _T:
        return values[int(self._chance() * len(values))]


def _transfer(leg: Leg, first: Leg) -> Leg:
    """Return the next leg of a transferred call: same caller, same lead, same channel."""
    return replace(
        leg,
        lead_id=first.lead_id,
        phone=first.phone,
        list_id=first.list_id,
        vendor_lead_code=first.vendor_lead_code,
        source_id=first.source_id,
        did=first.did,
        caller_code=first.shown_caller_code,
        carrier=first.carrier,
    )


_UNANSWERED_OUTBOUND = ("NA",) * 10 + ("AA",) * 4 + ("B",) * 2 + ("ADC", "DROP")
_UNANSWERED_INBOUND = ("DROP",) * 4 + ("TIMEOT", "NANQUE", "XDROP")
_OUTBOUND_DISPOSITIONS = (
    ("NI",) * 8 + ("A",) * 5 + ("N",) * 4 + ("SALE", "SALE", "CALLBK", "CALLBK", "NP", "WRONGN", "DNC")
)
_INBOUND_DISPOSITIONS = ("NI",) * 8 + ("SALE",) * 6 + ("CALLBK",) * 4 + ("XSALE", "DNC", "WRONGN")
_REASON_OF_DROP = {"TIMEOT": "QUEUETIMEOUT", "AFTHRS": "AFTERHOURS", "NANQUE": "NOAGENT"}

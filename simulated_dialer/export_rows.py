"""The data rows of call_report_export.php: tab-separated, unquoted, each field in the bytes it was loaded as.

The faults of the real page are made here: text that is not cleaned, in-group rows printed twice, and their middle
columns moved by one.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from simulated_dialer.builds import Build
from simulated_dialer.centres import CallCentre
from simulated_dialer.leads import Lead
from simulated_dialer.legs import CarrierEntry, Leg
from simulated_dialer.restrictions import Sight
from simulated_dialer.worlds import World

_BEFORE_COMMENTS = (
    "phone_code",
    "phone_number",
    "title",
    "first_name",
    "middle_initial",
    "last_name",
    "address1",
    "address2",
    "address3",
    "city",
    "state",
    "province",
    "postal_code",
    "country_code",
    "gender",
    "date_of_birth",
    "alt_phone",
    "email",
    "security_phrase",
)


class ExportRows:
    """The printer of legs in one column set of one build."""

    def __init__(self, world: World, build: Build, columns: str, sight: Sight) -> None:
        self._world, self._build, self._columns, self._sight = world, build, columns, sight
        self._shifts = build.shifts_closer_columns
        self._leads: dict[int, tuple[bytes, bytes]] = {}
        self._lists = {list_id: _list_texts(world.centre, list_id) for list_id in world.centre.lists}
        self._agents = {
            user: self._clean(agent.name.encode("cp1252" if agent.cp1252 else "utf-8"))
            for user, agent in world.centre.agents.items()
        }
        # One offset for all, the way a lead keeps the one that it was loaded with.
        offset = datetime.combine(world.start, datetime.min.time(), world.zone).utcoffset() or timedelta()
        self._gmt_offset = f"{offset.total_seconds() / 3600:.2f}".encode()
        self._did_ids = {
            pattern: (str(did_id).encode(), description.encode())
            for pattern, (did_id, description) in world.centre.dids.items()
        }

    def rows_of(self, leg: Leg) -> list[bytes]:
        """Return the rows of one leg, without their CRLF. The join may make several."""
        lead = self._world.lead(leg.lead_id)
        if leg.copies == 1 or not self._shifts:
            return [self._row(leg, lead, leg.wrapup_seconds)]
        return [self._row(leg, lead, leg.wrapup_seconds + 29 * copy) for copy in reversed(range(leg.copies))]

    def _row(self, leg: Leg, lead: Lead, wrapup: int) -> bytes:
        fields = [
            *self._front(leg, lead),
            *self._middle(leg, lead, wrapup),
            *self._lists.get(leg.list_id, (b"", b"")),
            leg.status_name.encode(),
            *self._tail(leg, wrapup),
        ]
        return b"\t".join(fields)

    def _front(self, leg: Leg, lead: Lead) -> tuple[bytes, ...]:
        """Return the first 36 fields."""
        during, after = self._lead_texts(lead)
        outbound = leg.direction == "outbound"
        full_name = self._agents.get(leg.agent_user)
        return (
            str(leg.call_time_local)[:19].encode(),
            leg.phone.encode(),
            (leg.status or "").encode(),
            leg.agent_user.encode(),
            self._clean(leg.agent_name.encode()) if full_name is None else full_name,
            leg.campaign_id.encode(),
            self._clean(leg.vendor_lead_code.encode()),
            self._clean(leg.source_id.encode()),
            b"%d" % leg.list_id,
            self._gmt_offset,
            during,
            b"" if leg.length_seconds is None else b"%d" % leg.length_seconds,
            leg.user_group.encode(),
            _ALT_DIAL[leg.epoch % 4] if outbound else b"%.2f" % leg.queue_seconds,
            after,
            b"%d" % leg.lead_id,
        )

    def _middle(self, leg: Leg, lead: Lead, wrapup: int) -> list[bytes]:
        if self._columns == "STANDARD":
            return []
        shifted = [b"%d" % wrapup] if self._shifts and leg.direction == "inbound" else []
        called = b"%d" % lead.called_count
        if self._columns == "EXTENDED_4":
            return [*shifted, called, b"%d" % leg.logged_list_id][:2]
        called_at = str(leg.call_time_local)[:19].encode()
        right = [
            (leg.call_time_local - timedelta(days=lead.entry_day)).strftime("%Y-%m-%d %H:%M:00").encode(),
            called,
            called_at if lead.called_count > 1 else b"0000-00-00 00:00:00",
            self._local(leg.changed_at),
            lead.called_since_last_reset.encode(),
            leg.term_reason.encode(),
        ]
        return [*shifted, *right][: 5 if self._columns == "EXTENDED" else 6]

    def _tail(self, leg: Leg, wrapup: int) -> list[bytes]:
        if self._columns == "STANDARD":
            return []
        outbound = leg.direction == "outbound"
        queue = [b"%d" % wrapup, b"0"] if outbound else [b"%d" % wrapup, b"%.2f" % leg.queue_seconds]
        fields = [
            *(queue if self._build.has_queue_columns else ()),
            leg.uniqueid.encode(),
            leg.shown_caller_code.encode(),
            leg.server_ip.encode(),
            *_carrier_texts(leg.carrier),
            leg.cpd_result.encode(),
        ]
        if self._build.has_did_columns:
            fields += [leg.did.encode(), *self._did_ids.get(leg.did, (b"", b""))]
        if self._columns == "EXTENDED_3":
            fields += [b""] * 6
        return fields

    def _lead_texts(self, lead: Lead) -> tuple[bytes, bytes]:
        known = self._leads.get(lead.lead_id)
        if known is None:
            during = [self._clean(self._sight.lead_text(name, lead.as_loaded(name))) for name in _BEFORE_COMMENTS]
            # Every line break of a comment becomes !N, a CR and a LF two of them; other fields keep theirs.
            comments = self._clean(lead.as_loaded("comments")).replace(b"\r", b"!N").replace(b"\n", b"!N")
            after = [self._clean(lead.as_loaded(name)) for name in ("rank", "owner")]
            known = self._leads[lead.lead_id] = (b"\t".join([*during, comments]), b"\t".join(after))
        return known

    def _clean(self, text: bytes) -> bytes:
        return text.replace(b"\t", b" -- ") if self._build.cleans_tabs else text

    def _local(self, epoch: int) -> bytes:
        return local_text(epoch, self._world.zone).encode()


def local_text(epoch: int, zone: ZoneInfo) -> str:
    """Return a moment as written by the dialer: its wall clock, without an offset."""
    return datetime.fromtimestamp(epoch, zone).strftime("%Y-%m-%d %H:%M:%S")


def _carrier_texts(entry: CarrierEntry | None) -> tuple[bytes, ...]:
    if entry is None:
        return (b"",) * 5
    return (
        b"%d" % entry.hangup_cause,
        entry.dialstatus.encode(),
        entry.channel.encode(),
        b"%d" % entry.dial_seconds,
        b"%d" % entry.answered_seconds,
    )


def _list_texts(centre: CallCentre, list_id: int) -> tuple[bytes, bytes]:
    leads = centre.lists[list_id]
    encoding = "cp1252" if leads.cp1252 else "utf-8"
    return leads.name.encode(encoding), leads.description.encode(encoding)


_ALT_DIAL = (b"MAIN", b"MAIN", b"ALT", b"NONE")

"""call_report_export.php answers like observed builds, byte for byte if it matters."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from simulated_dialer import CallCentre, Lead, LeadList, Leg, Rates, World
from tests.simulated_dialer.client import Opening, ask, export

FIXTURES = Path(__file__).parent / "fixtures"
NOON = Leg(
    direction="outbound",
    call_time_local=datetime(2026, 3, 2, 12, 0, 0),
    campaign_id="SALES1",
    lead_id=16830,
    phone="0025360503",
    status="NI",
    agent_user="0042",
    user_group="AGENTS",
    length_seconds=28,
    list_id=102,
    term_reason="SYSTEM",
    uniqueid="1772470800.924",
    vendor_lead_code="0016830",
    source_id="src0",
)
CLOSER = replace(
    NOON,
    direction="inbound",
    call_time_local=datetime(2026, 3, 2, 12, 5, 0),
    campaign_id="SALES_IN",
    status="SALE",
    agent_user="2010",
    user_group="CLOSERS",
    queue_seconds=23.56,
    wrapup_seconds=32,
    term_reason="CALLER",
    copies=2,
)
HIDDEN = {
    "list": replace(NOON, hidden="list", call_list_id=777, lead_id=1),
    "status": replace(NOON, hidden="status", status="HXFER", lead_id=2),
    "user": replace(NOON, hidden="user", agent_user="9017", lead_id=3),
    "lead": replace(NOON, hidden="lead", lead_id=4),
    "campaign": replace(NOON, hidden="campaign", campaign_id="OLDCAMP", lead_id=5),
}


@pytest.mark.parametrize(
    ("recorded", "build", "fields"),
    [
        ("2025_STANDARD", "250720-1841", "STANDARD"),
        ("2025_EXTENDED_2", "250720-1841", "EXTENDED_2"),
        ("2025_EXTENDED_3", "250720-1841", "EXTENDED_3"),
        ("2025_EXTENDED_4", "250720-1841", "EXTENDED_4"),
        ("2025_STANDARD", "250720-1841", "NO_SUCH_FIELDS"),
        ("2021_EXTENDED_2", "210303-0930", "EXTENDED_2"),
        ("2025_STANDARD", "160101-0000", "EXTENDED_2"),
        ("2011_EXTENDED", "110101-0000", "EXTENDED"),
    ],
)
def test_the_header_row_is_the_recorded_one(open_dialer: Opening, recorded: str, build: str, fields: str) -> None:
    header = (FIXTURES / f"header_{recorded}.txt").read_bytes()
    answer = export(open_dialer(World.of([NOON]), build=build), export_fields=fields, campaign="SALES1", group=None)
    assert answer.body.split(b"\r\n")[0] + b"\r\n" == header
    assert len(answer.rows()[0]) == header.count(b"\t") + 1


def test_an_export_has_the_headers_of_a_download(open_dialer: Opening) -> None:
    world = World.of([NOON])
    world.now = datetime(2026, 3, 2, 22, 58, 14, tzinfo=UTC)
    answer = export(open_dialer(world))
    assert answer.status == 200
    assert answer.headers == [
        ("Date", "Mon, 02 Mar 2026 22:58:14 GMT"),
        ("Server", "Apache/2.4 (Simulated) PHP/8.2.36"),
        ("X-Powered-By", "PHP/8.2.36"),
        ("Content-Disposition", 'attachment; filename="EXPORT_CALL_REPORT_20260302-175814.txt"'),
        ("Expires", "0"),
        ("Cache-Control", "must-revalidate, post-check=0, pre-check=0"),
        ("Pragma", "public"),
        ("Transfer-Encoding", "chunked"),
        ("Content-Type", "application/octet-stream"),
    ]


def test_fields_come_unquoted_in_the_bytes_they_were_loaded_as(open_dialer: Opening) -> None:
    lead = Lead(
        lead_id=16830,
        phone_number="3925360503",
        first_name="Søren",
        last_name="García",
        address1='6 High St\nFlat "9"',
        postal_code="00474",
        comments="a\ttab\r\nand !N",
        cp1252=frozenset({"last_name"}),
    )
    answer = export(open_dialer(World.of([NOON], leads={16830: lead})), export_fields="STANDARD")
    (row,) = answer.rows()
    assert row[:13] == [
        b"2026-03-02 12:00:00",
        b"0025360503",
        b"NI",
        b"0042",
        'Zoë "Zee" Ångström'.encode(),
        b"SALES1",
        b"0016830",
        b"src0",
        b"102",
        b"-5.00",
        b"1",
        b"3925360503",
        b"",
    ]
    assert (row[13], row[15], row[16], row[22]) == ("Søren".encode(), b"Garc\xeda", b'6 High St\nFlat "9"', b"00474")
    assert row[29] == b"a -- tab!N!Nand !N"
    assert row[30:] == [b"28", b"AGENTS", b"MAIN", b"0", b"", b"16830", b"Survey list", b"", b"Not Interested"]


def test_a_list_with_a_tab_moves_what_follows_it(open_dialer: Opening) -> None:
    (row,) = export(open_dialer(World.of([replace(NOON, list_id=999)]))).rows()
    assert len(row) == 60
    assert row[42:46] == [b"Default inbound list", b"desc with", b"tab and\nnewline", b"Not Interested"]


def test_before_2016_05_tabs_stand_in_any_field(open_dialer: Opening) -> None:
    lead = Lead(lead_id=16830, comments="a\ttab")
    dialer = open_dialer(World.of([NOON], leads={16830: lead}), build="160122-0000")
    (row,) = export(dialer, campaign="SALES1", group=None, export_fields="STANDARD").rows()
    assert len(row) == 40


def test_closer_rows_are_printed_twice_and_shifted_since_2021_11(open_dialer: Opening) -> None:
    first, second = export(open_dialer(World.of([CLOSER]))).rows()
    differing = [at for at, (one, other) in enumerate(zip(first, second, strict=True)) if one != other]
    assert differing == [36, 45]  # the wrap-up, and the entry date that holds it by mistake
    assert (first[36], first[41], first[45], first[46]) == (b"61", second[41], b"61", b"23.56")
    assert first[32] == b"23.56"
    assert first[41] in {b"Y", b"N", b"Y1"}
    assert first[47] == b"1772470800.924"
    (standard, same) = export(open_dialer(World.of([CLOSER])), export_fields="STANDARD").rows()
    assert standard == same


def test_closer_rows_were_right_before(open_dialer: Opening) -> None:
    (row,) = export(open_dialer(World.of([CLOSER]), build="210303-0930")).rows()
    assert row[36].startswith(b"20")
    assert row[41] == b"CALLER"


def test_extended_4_shifts_as_well(open_dialer: Opening) -> None:
    row = export(open_dialer(World.of([CLOSER])), export_fields="EXTENDED_4").rows()[0]
    outbound = export(open_dialer(World.of([NOON])), export_fields="EXTENDED_4").rows()[0]
    assert (row[36], len(row[37])) == (b"61", 1)
    assert outbound[37] == b"102"
    assert len(row) == len(outbound) == 55


def test_outbound_rows_come_first_and_both_halves_by_time(open_dialer: Opening) -> None:
    world = World(calls_per_hour=60)
    rows = export(open_dialer(world)).rows()
    inbound = [row[5].decode() in world.centre.ingroups for row in rows]
    assert inbound == sorted(inbound)
    for half in (False, True):
        times = [row[0] for row, is_inbound in zip(rows, inbound, strict=True) if is_inbound is half]
        assert times == sorted(times)


def test_the_file_is_what_the_log_says(open_dialer: Opening) -> None:
    world = World(calls_per_hour=200)
    expected: Counter[tuple[str, ...]] = Counter()
    for leg in world.legs_at():
        if leg.hidden is None and leg.call_time_local.day == 2:
            key = (str(leg.call_time_local), leg.phone, leg.status or "", leg.agent_user, leg.campaign_id)
            expected[key] += leg.copies
    rows = export(open_dialer(world)).rows()
    assert Counter(tuple(field.decode() for field in (*row[:4], row[5])) for row in rows) == expected


CHANNEL = ("caller_code", "server_ip", "hangup_cause", "dialstatus", "dial_time", "answered_time", "cpd_result")
DID = ("did_pattern", "did_id", "did_description")


@pytest.mark.parametrize(
    ("build", "detail", "names"),
    [
        ("250720-1841", "EXTENDED_2", CHANNEL + DID), ("210303-0931", "EXTENDED_4", CHANNEL + DID),
        ("120101-1200", "EXTENDED", CHANNEL + DID), ("110701-1200", "EXTENDED", CHANNEL),
    ],
)  # fmt: skip
def test_channel_and_did_are_those_of_the_log(
    open_dialer: Opening, build: str, detail: str, names: tuple[str, ...]
) -> None:
    world = World(calls_per_hour=200, rates=replace(Rates(), join_duplicates=0))
    expected: Counter[tuple[str, ...]] = Counter()
    for leg in world.legs_at():
        if leg.hidden is None and leg.call_time_local.day == 2:
            entry = leg.carrier
            carrier = (
                (entry.hangup_cause, entry.dialstatus, entry.dial_seconds, entry.answered_seconds) if entry else ""
            )
            shown = [leg.shown_caller_code, leg.server_ip, *(carrier or [""] * 4), leg.cpd_result]
            shown += [leg.did, *world.centre.dids.get(leg.did, ("", ""))] if DID[0] in names else []
            expected[leg.uniqueid, str(leg.call_time_local), *map(str, shown)] += 1
    asked = {"campaign": world.centre.campaigns, "group": world.centre.ingroups, "export_fields": detail}
    body = export(open_dialer(world, build=build), **asked).body
    header, *rows = [record.decode("latin-1").split("\t") for record in body.split(b"\r\n")[:-1]]
    places = [header.index(name) - len(header) for name in ("uniqueid", *names)]
    found = Counter((row[places[0]], row[0], *(row[place] for place in places[1:])) for row in rows)
    assert not expected - found
    assert len({key[4] for key in found}) > 3  # hangup causes


def test_twenty_four_hours_make_a_day(open_dialer: Opening) -> None:
    dialer = open_dialer(World(calls_per_hour=60))
    hours = [
        export(dialer, query_hour=f"{hour:02d}", end_hour=f"{hour:02d}", header_row="NO").body for hour in range(24)
    ]
    records = [record for body in hours if not body.startswith(b"There are no") for record in body.split(b"\r\n")[:-1]]
    day = export(dialer, header_row="NO").body.split(b"\r\n")[:-1]
    assert sorted(records) == sorted(day)


def test_hours_are_ignored_before_2023_06(open_dialer: Opening) -> None:
    dialer = open_dialer(World(calls_per_hour=60), build="230101-0000")
    assert export(dialer, query_hour="10", end_hour="10").body == export(dialer).body


def test_an_empty_hour_is_midnight_and_99_is_never(open_dialer: Opening) -> None:
    dialer = open_dialer(World.of([NOON, replace(NOON, call_time_local=datetime(2026, 3, 2), uniqueid="1.1")]))
    (row,) = export(dialer, query_hour="", end_hour="").rows()
    assert row[0] == b"2026-03-02 00:00:00"
    assert export(dialer, query_hour="99").body.startswith(b"There are no inbound calls")


def test_dates_may_carry_a_time(open_dialer: Opening) -> None:
    dialer = open_dialer(World.of([NOON]))
    asked = {"query_date": "2026-03-02 12:00:00", "end_date": "2026-03-02 12:00:59"}
    assert len(export(dialer, **asked).rows()) == 1
    assert export(dialer, query_date="2026-03-02 12:00:01", end_date="2026-03-02 12:00:59").header("Content-Type") == (
        "text/html; charset=UTF-8"
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({}, b"There are no inbound calls during this time period for these parameters\n"),
        ({"campaign": None}, b"There are no inbound calls during this time period for these parameters\n"),
        ({"group": None}, b"There are no outbound calls during this time period for these parameters\n"),
        (
            {"group": "---NONE---", "campaign": None},
            b"There are no calls during this time period for these parameters\n",
        ),
        ({"query_date": "nonsense"}, b"There are no inbound calls during this time period for these parameters\n"),
    ],
)
def test_no_rows_is_a_message(open_dialer: Opening, asked: dict[str, str | None], message: bytes) -> None:
    answer = export(open_dialer(World.of([])), **asked)
    assert (answer.status, answer.body) == (200, message)
    assert answer.header("Content-Length") == str(len(message))
    assert answer.header("Content-Disposition") is None


def test_all_means_nothing_before_2019(open_dialer: Opening) -> None:
    dialer = open_dialer(World.of([NOON]), build="181231-0000")
    assert export(dialer).body.startswith(b"There are no inbound calls")
    assert len(export(dialer, campaign="SALES1", group=None).rows()) == 1


def test_a_scalar_is_no_list_of_campaigns(open_dialer: Opening) -> None:
    answer = ask(
        open_dialer(World.of([NOON])),
        "call_report_export.php",
        {"run_export": "1", "query_date": "2026-03-02", "end_date": "2026-03-02", "campaign": "SALES1"},
    )
    assert answer.body == b"There are no calls during this time period for these parameters\n"


def test_orphans_are_hidden_unless_they_are_named(open_dialer: Opening) -> None:
    dialer = open_dialer(World.of(HIDDEN.values(), centre=replace(CallCentre.of_seed(1), largest_lead_id=20_000)))
    assert export(dialer).body.startswith(b"There are no")
    assert [row[2] for row in export(dialer, status="HXFER").rows()] == [b"HXFER"]
    assert [row[35] for row in export(dialer, list_id="102").rows()] == [b"1"]
    assert [row[5] for row in export(dialer, campaign="OLDCAMP").rows()] == [b"OLDCAMP"]


def test_orphans_of_lists_and_statuses_showed_before_2021_09(open_dialer: Opening) -> None:
    rows = export(open_dialer(World.of(HIDDEN.values()), build="200709-0000")).rows()
    assert sorted(row[35] for row in rows) == [b"1", b"2"]


def test_the_archive_is_read_instead(open_dialer: Opening) -> None:
    world = World.of([NOON])
    dialer = open_dialer(world)
    assert export(dialer, search_archived_data="checked").body.startswith(b"There are no")
    world.archive = (replace(world.legs_at()[0], status="INCALL", length_seconds=None),)
    (row,) = export(dialer, search_archived_data="checked").rows()
    assert (row[2], row[30]) == (b"INCALL", b"")


def test_a_wrong_sort_direction_kills_the_script(open_dialer: Opening) -> None:
    dialer = open_dialer(World.of([NOON, replace(NOON, call_time_local=datetime(2026, 3, 2, 13), uniqueid="2.2")]))
    answer = export(dialer, sort_dir="sideways")
    assert (answer.status, answer.version, answer.body) == (500, 10, b"")
    assert [row[0][11:13] for row in export(dialer, sort_dir="desc").rows()] == [b"13", b"12"]


def test_post_is_answered_like_get(open_dialer: Opening) -> None:
    dialer = open_dialer(World.of([NOON]))
    asked = {"run_export": "1", "query_date": "2026-03-02", "end_date": "2026-03-02", "campaign[]": "---ALL---"}
    one, other = (ask(dialer, "call_report_export.php", asked, method=method) for method in ("GET", "POST"))
    assert one.body == other.body
    assert one.body.endswith(b"\r\n")


def test_without_run_export_comes_a_form_that_lists_what_is_defined(open_dialer: Opening) -> None:
    lists = {55: LeadList("A & B")}
    world = World.of([], centre=replace(CallCentre.of_seed(1), lists=lists, ingroups=("SALES_IN",)))
    page = ask(open_dialer(world), "call_report_export.php").body.decode()
    assert page.count(" multiple>") == 5
    for name in ("campaign[]", "group[]", "list_id[]", "status[]", "user_group[]"):
        assert f"name={name} multiple>" in page
    assert '<option value="55">' in page
    assert '<option value="SALES_IN">' in page
    assert '<option value="HXFER">' not in page


def test_an_eighth_of_the_rows_of_a_real_day_is_not_utf_8(open_dialer: Opening) -> None:
    rows = export(open_dialer(World(calls_per_hour=150))).body.split(b"\r\n")[1:-1]
    assert sum(not is_utf_8(row) for row in rows) / len(rows) == pytest.approx(0.13, abs=0.02)


def is_utf_8(row: bytes) -> bool:
    try:
        row.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def test_every_seed_can_be_printed(open_dialer: Opening) -> None:
    for seed in range(30):
        assert export(open_dialer(World(seed, calls_per_hour=2))).body.startswith(b"call_date\t")

"""A credentials row's URL: what is kept of it, what is refused with which words, and that none of it leaks."""

import re
from urllib.parse import urlencode, urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from credentials.rows import parse_row
from credentials.urls import DATES, HARMLESS, ReportUrl, parse_report_url
from errors import RowUnusable
from reports import REPORTS, Report

EXPORT, STATS = "call_report_export", "user_stats"
DIALER = "https://d.example/vicidial/"
FACTS = {
    EXPORT: [
        "run_export",
        "query_date",
        "end_date",
        "query_hour",
        "end_hour",
        "campaign[]",
        "group[]",
        "list_id[]",
        "status[]",
        "user_group[]",
        "user",
        "date_field",
        "sort_dir",
        "header_row",
        "export_fields",
        "rec_fields",
        "custom_fields",
        "call_notes",
        "ivr_export",
        "search_archived_data",
        "DB",
        "SUBMIT",
        "campaign",
        "group",
        "did_filter",
    ],
    STATS: [
        "user",
        "begin_date",
        "end_date",
        "call_status",
        "search_archived_data",
        "file_download",
        "did",
        "did_id",
        "pause_code_rpt",
        "park_rpt",
        "NVAuser",
        "DB",
        "submit",
        "firstlastname",
    ],
}
"""Parameters that the dialers' pages look at."""


@pytest.mark.parametrize(
    ("url", "dialer_url", "report"),
    [
        ("https://d.example", DIALER, EXPORT),
        ("https://d.example/", DIALER, EXPORT),
        ("https://d.example/vicidial", DIALER, EXPORT),
        ("https://d.example/vicidial/", DIALER, EXPORT),
        ("https://d.example/vicidial//", DIALER, EXPORT),
        ("  https://d.example/vicidial/\n", DIALER, EXPORT),
        ("HTTPS://D.Example/vicidial/", DIALER, EXPORT),
        ("https://d.example:443/vicidial/", DIALER, EXPORT),
        ("https://d.example/vicidial/call_report_export.php", DIALER, EXPORT),
        ("https://d.example/vicidial/user_stats.php?user=2001", DIALER, STATS),
        ("https://d.example/vicidial/#top", DIALER, EXPORT),
        ("http://d.example:80", "http://d.example/vicidial/", EXPORT),
        ("http://d.example:8080/vicidial", "http://d.example:8080/vicidial/", EXPORT),
        ("https://d.example:80/", "https://d.example:80/vicidial/", EXPORT),
        ("http://10.0.0.5/", "http://10.0.0.5/vicidial/", EXPORT),
        ("http://[2001:db8::1]/vicidial/", "http://[2001:db8::1]/vicidial/", EXPORT),
        ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080/vicidial/", EXPORT),
        ("https://d.example/east/vicidial/", "https://d.example/east/vicidial/", EXPORT),
        ("https://d.example/east", "https://d.example/east/vicidial/", EXPORT),
        ("https://d.example/reports/call_report_export.php", "https://d.example/reports/", EXPORT),
        ("https://d.example/call_report_export.php", "https://d.example/", EXPORT),
        ("https://dialer_1.bücher.example./", "https://dialer_1.bücher.example./vicidial/", EXPORT),
        ("http://[fe80::1%25eth0]/", "http://[fe80::1%25eth0]/vicidial/", EXPORT),
    ],
)
def test_a_url_is_understood(url: str, dialer_url: str, report: str) -> None:
    address = parse_report_url(url)
    assert (address.address.url, address.report) == (dialer_url, report)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "must begin with http"),
        ("d.example/vicidial/", "must begin with http"),
        ("ftp://d.example/", "must begin with http"),
        ("file:///etc/passwd", "must begin with http"),
        ("https:///vicidial/", "must begin with http"),
        ("javascript:alert(1)", "must begin with http"),
        ("https://d.example:port/", "host or port cannot be read"),
        ("https://d.example:99999/", "host or port cannot be read"),
        ("http://[2001:db8::1/", "host or port cannot be read"),
        ("https://d..example/", "host or port cannot be read"),
        ("https://d%.example/", "host or port cannot be read"),
        ("https://d`.example/", "host or port cannot be read"),
        (f"https://{'d' * 64}.example/", "host or port cannot be read"),
        ("https://☃.example/", "host or port cannot be read"),
        ("https://d.example\\.other.example/", "host or port cannot be read"),
        ("https://user:hunter2@d.example/", "user name or password"),
        ("https://hunter2@d.example/", "user name or password"),
        ("https://d.example/a b/", "blank or control character"),
        ("https://d.example/a\nb/", "blank or control character"),
        ("https://d.example/vicidial/admin.php", "page is not a report"),
        ("https://d.example/vicidial/CALL_REPORT_EXPORT.PHP", "page is not a report"),
        ("https://d.example/vicidial/admin_modify_lead.php?lead_id=1", "page is not a report"),
        ("https://d.example/vicidial/non_agent_api.php?function=version", "page is not a report"),
        (f"{DIALER}user_stats.php", "lacks user="),
        (f"{DIALER}user_stats.php?user=", "lacks user="),
        (f"{DIALER}?pass=hunter2", "'pass' is not known"),
        (f"{DIALER}call_report_export.php?did_filter=hunter2", "'did_filter' is not known"),
        (f"{DIALER}user_stats.php?user=1&campaign[]=hunter2", "'campaign[]' is not known"),
    ],
)
def test_a_url_is_refused_with_a_reason(url: str, reason: str) -> None:
    with pytest.raises(RowUnusable, match=re.escape(reason)) as refused:
        parse_report_url(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["end_call", "modify_logs", "CBchangeDATE", "cbchange", "gdpr_action", "delete_lead", "stage", "function"]
)
@pytest.mark.parametrize("page", ["call_report_export.php?", "user_stats.php?user=2001&", "?"])
def test_a_parameter_that_can_write_is_refused(page: str, name: str) -> None:
    with pytest.raises(RowUnusable, match=f"'{name}' can change data on the dialer"):
        parse_report_url(f"{DIALER}{page}{name}=purge")
    with pytest.raises(RowUnusable, match="can change data"):
        parse_report_url(f"{DIALER}{page}{name}")
    with pytest.raises(RowUnusable, match="can change data"):
        parse_report_url(f"{DIALER}{page}%{ord(name[0]):x}{name[1:]}=purge")


@pytest.mark.parametrize("name", ["did", "did_id", "pause_code_rpt", "park_rpt", "NVAuser"])
def test_another_kind_of_report_is_refused(name: str) -> None:
    with pytest.raises(RowUnusable, match=f"'{name}' asks for another kind of report"):
        parse_report_url(f"{DIALER}user_stats.php?user=2001&{name}=1")


@pytest.mark.parametrize("name", ["campaign", "group", "list_id", "status", "user_group"])
def test_a_parameter_that_the_dialer_would_ignore_is_refused(name: str) -> None:
    with pytest.raises(RowUnusable, match=re.escape(f"write it as '{name}[]'")):
        parse_report_url(f"{DIALER}call_report_export.php?{name}=X")


@pytest.mark.parametrize("section", ["1", "5", "7", "06", "all"])
def test_another_section_of_user_stats_is_refused(section: str) -> None:
    with pytest.raises(RowUnusable, match="use file_download=6"):
        parse_report_url(f"{DIALER}user_stats.php?user=2001&file_download={section}")


@pytest.mark.parametrize("section", ["&file_download=6", "&file_download=", ""])
def test_the_section_of_in_group_calls_is_accepted(section: str) -> None:
    assert parse_report_url(f"{DIALER}user_stats.php?user=2001{section}").parameters == (("user", "2001"),)


def test_dates_and_formats_are_dropped_and_reading_parameters_are_kept_in_order() -> None:
    address = parse_report_url(
        f"{DIALER}call_report_export.php?run_export=1&query_date=2026-01-01&end_date=2026-01-31&query_hour=03"
        "&campaign[]=SALES&campaign%5B%5D=R%26D+1&group[]=---ALL---&status[]=SALE&list_id[]=&header_row=NO"
        "&export_fields=STANDARD&custom_fields=YES&call_notes=YES&rec_fields=ALL&SUBMIT=SUBMIT&user=2001"
    )
    assert address.parameters == (
        ("campaign[]", "SALES"), ("campaign[]", "R&D 1"), ("group[]", "---ALL---"), ("status[]", "SALE"),
        ("user", "2001"),
    )  # fmt: skip
    assert parse_report_url(f"{DIALER}user_stats.php?begin_date=2026-01-01&end_date=2026-01-02&user=7").parameters == (
        ("user", "7"),
    )


STATS_LINK = (
    "user_stats.php?DB=&pause_code_rpt=&park_rpt=&did_id=&did=&begin_date=2026-11-20&end_date=2026-11-20&user=1001"
    "&submit=submit&search_archived_data=&NVAuser=&file_download=6"
)
"""The DOWNLOAD link of the dialer's own page."""
EXPORT_LINK = (
    "call_report_export.php?DB=&run_export=1&query_date=2026-11-20&end_date=2026-11-20&query_hour=00&end_hour=23"
    "&date_field=call_date&campaign%5B%5D=---ALL---&group%5B%5D=---ALL---&list_id%5B%5D=---ALL---&status%5B%5D=---ALL---"
    "&user_group%5B%5D=---ALL---&user=&header_row=YES&rec_fields=NONE&custom_fields=NO&call_notes=NO&ivr_export=NO"
    "&export_fields=STANDARD&sort_dir=asc&search_archived_data=&SUBMIT=SUBMIT"
)
"""What the form of the export page sends."""
EVERYTHING = tuple((f"{name}[]", "---ALL---") for name in ("campaign", "group", "list_id", "status", "user_group"))


@pytest.mark.parametrize(
    ("link", "parameters"),
    [
        (STATS_LINK, (("user", "1001"),)),
        (EXPORT_LINK, EVERYTHING),
        (STATS_LINK.replace("&", "&amp;"), (("user", "1001"),)),
        (STATS_LINK.replace("&", "&#038;"), (("user", "1001"),)),
        (STATS_LINK.replace("did=", "did=0").replace("NVAuser=", "NVAuser=0"), (("user", "1001"),)),
        (STATS_LINK.replace("file_download=6", "file_download=0"), (("user", "1001"),)),
        (STATS_LINK.replace("user=1001", "user=1001%20"), (("user", "1001"),)),
        (f"{STATS_LINK}&user=1001#:~:text=user", (("user", "1001"),)),
        (f"{STATS_LINK}&utm_source=mail&_=1732060800&PHPSESSID=abc&fbclid=x", (("user", "1001"),)),
        (f"{STATS_LINK}&other=&LOCATION=&", (("user", "1001"),)),
        (STATS_LINK.replace("user_stats.php", "user_stats%2Ephp"), (("user", "1001"),)),
        (STATS_LINK.replace("user_stats.php", "user_stats.php/"), (("user", "1001"),)),
        (f"{STATS_LINK}&call_status=---ALL---", (("user", "1001"),)),
        ("call_report_export.php?campaign[0]=A&campaign[1]=B", (("campaign[]", "A"), ("campaign[]", "B"))),
        ("call_report_export.php?campaign%5B%5D=A&campaign[]=A&group=", (("campaign[]", "A"),)),
        ("?status[]=--ALL--&list_id[]=*", (("status[]", "---ALL---"), ("list_id[]", "---ALL---"))),
    ],
)  # fmt: skip
def test_links_as_browsers_and_dialers_make_them_are_read(link: str, parameters: tuple[tuple[str, str], ...]) -> None:
    address = parse_report_url(DIALER + link)
    assert (address.parameters, address.unused) == (parameters, ())
    assert address.address.url == DIALER


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("user_stats.php?user=1&user=2", "has 'user' more than once, with different values"),
        ("user_stats.php?user=1001,1002", "'user' holds several values in one"),
        ("user_stats.php?user=1001;begin_date=2026-11-20", "not the id of one agent"),
        ("user_stats.php?user=---ALL---", "not the id of one agent"),
        (f"user_stats.php?user={'1' * 21}", "not the id of one agent"),
        ("user_stats.php?user=1&call_status=SALE|DNC", "'call_status' holds several values in one"),
        ("call_report_export.php?list_id[]=101,102", "'list_id[]' holds several values in one"),
        ("call_report_export.php?user_group[]=A B", "blank"),
        ("call_report_export.php#campaign[]=A", "stand behind a #"),
        ("call_report_export.php/x?campaign[]=A", "page is not a report"),
        ("call_report_export.php;v=1?campaign[]=A", "page is not a report"),
        ("welcome.html", "page is not a report"),
        ("call_report_export.php?campaign%255B%255D=A", "is not known to this report"),
    ],
)
def test_what_a_dialer_would_misunderstand_is_refused(query: str, reason: str) -> None:
    with pytest.raises(RowUnusable, match=re.escape(reason)):
        parse_report_url(DIALER + query)


@pytest.mark.parametrize(
    ("query", "unused"),
    [
        ("query_hour=09&end_hour=17", ["query_hour", "end_hour"]),
        ("rec_fields=ALL&custom_fields=YES&call_notes=YES&ivr_export=YES", None),
        ("export_fields=ALTERNATE_1", ["export_fields"]),
        ("date_field=entry_date", ["date_field"]),
        ("query_hour=&end_hour=&rec_fields=&custom_fields=&date_field=&export_fields=EXTENDED_2", []),
    ],
)
def test_a_wish_that_is_not_done_is_named(query: str, unused: list[str] | None) -> None:
    found = [name for name, _ in parse_report_url(f"{DIALER}call_report_export.php?{query}").unused]
    assert found == (["rec_fields", "custom_fields", "call_notes", "ivr_export"] if unused is None else unused)


def test_it_is_known_where_a_url_has_dates() -> None:
    assert parse_report_url(f"{DIALER}?query_date=2026-01-01").has_dates
    assert not parse_report_url(f"{DIALER}?query_date=&end_date=").has_dates


@pytest.mark.parametrize("report", REPORTS.values(), ids=list(REPORTS))
def test_every_parameter_of_a_report_is_used_harmless_named_or_refused(report: Report) -> None:
    """Each with a value that wishes for something, on a page that is otherwise as it should be."""
    needed = dict.fromkeys(report.NEEDED_PARAMETERS, "1001")
    for name in FACTS[report.NAME]:
        wish = urlencode(needed | {name: "17"})
        try:
            address = parse_report_url(f"{DIALER}{report.PAGE}?{wish}")
        except RowUnusable:
            continue
        used = name in dict(address.parameters)
        named = name in dict(address.unused) or (name in DATES and address.has_dates)
        assert used + named + (name in HARMLESS) == 1, name


def test_spellings_of_one_source_have_one_canonical_url() -> None:
    spellings = [
        f"{DIALER}call_report_export.php?campaign[]=A&campaign[]=B",
        "HTTPS://D.EXAMPLE:443/vicidial/call_report_export.php?campaign%5B%5D=B&campaign[]=A&query_date=2026-01-01",
        f" {DIALER}call_report_export.php?end_date=2026-02-01&campaign[]=A&status[]=&campaign[]=B#x",
    ]
    canonical = f"{DIALER}call_report_export.php?campaign%5B%5D=A&campaign%5B%5D=B"
    assert {parse_report_url(url).canonical for url in spellings} == {canonical}
    assert parse_report_url("https://d.example").canonical == f"{DIALER}call_report_export.php"


@pytest.mark.parametrize(
    "other",
    [
        "http://d.example/vicidial/", "https://d.example:8443/", "https://d2.example/", "https://d.example/east/",
        f"{DIALER}call_report_export.php?campaign[]=A", f"{DIALER}user_stats.php?user=1",
    ],
)  # fmt: skip
def test_other_sources_have_other_canonical_urls(other: str) -> None:
    assert parse_report_url(other).canonical != parse_report_url(DIALER).canonical


def test_a_canonical_url_stands_for_itself() -> None:
    for url in (DIALER, f"{DIALER}user_stats.php?user=a%26b&call_status=SALE", "http://[2001:db8::1]:81/x/?user=ü"):
        address = parse_report_url(url)
        again = parse_report_url(address.canonical)
        assert (again.canonical, again.address.url, again.report) == (
            address.canonical,
            address.address.url,
            address.report,
        )


def test_a_url_that_cannot_be_read_stands_for_itself() -> None:
    rows = [parse_row({"url": url}) for url in ("nonsense", "rubbish", "", None)]
    assert [row.url for row in rows] == [None] * 4
    assert len({row.source_key for row in rows}) == 3


URLS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["https://d.example", "http://[::1]:8080", "https://", "http://u:p@h", "ftp://x", ""]),
    st.sampled_from(["", "/", "/vicidial/", "/call_report_export.php", "/vicidial/user_stats.php", "/admin.php"]),
    st.sampled_from(["", "?", "?user=2001&", "?campaign[]=A&", "?file_download=", "#"]),
    st.text(max_size=20),
)


@given(url=st.text(max_size=60) | URLS)
def test_any_text_is_an_address_or_refused(url: str) -> None:
    try:
        address = parse_report_url(url)
    except RowUnusable:
        return
    assert isinstance(address, ReportUrl)
    assert address.address.url.startswith(("http://", "https://"))
    assert address.address.url.endswith("/")
    assert "@" not in address.address.url.split("/")[2]
    assert sorted(parse_report_url(address.canonical).parameters) == sorted(address.parameters)


@settings(max_examples=100, deadline=None)
@given(
    host=st.text("aZ0-._%\\;'\"<>[]:ä\u200b\u0130\u3002\u202e\x7f\x85{}|^`~!$&()*+,=", min_size=1, max_size=12),
    path=st.text("a0/%\\;?#&=[]ä\u202e\x7f\x85|{}\"'.", max_size=15),
)
def test_an_address_that_is_taken_can_be_asked_and_is_that_host(host: str, path: str) -> None:
    try:
        address = parse_report_url(f"https://{host}/{path}")
    except RowUnusable:
        return
    asked = urlsplit(requests.Request("POST", address.address.url + "x.php").prepare().url or "")
    meant = urlsplit(address.address.url)
    assert asked.port == meant.port
    assert asked.hostname == meant.hostname or not (meant.hostname or "").isascii()
    (asked.hostname or "").encode("idna")


@given(
    page=st.sampled_from(["", "call_report_export.php", "user_stats.php", "admin.php"]),
    name=st.sampled_from(["pass", "user", "user_group", "file_download", "did", "modify_x", "campaign[]", "x"])
    | st.text(st.characters(exclude_characters="#"), max_size=5),
    other=st.text(st.characters(exclude_characters="#"), max_size=5),  # what follows one is no part of the query
)
def test_no_error_repeats_what_a_url_holds(page: str, name: str, other: str) -> None:
    query = f"{name}=hunter2&{other}&token=hunter2"
    with pytest.raises(RowUnusable) as refused:
        parse_report_url(f"https://d.example/vicidial/{page}?{query}")
    assert "hunter2" not in str(refused.value)
    assert query not in str(refused.value)


def test_a_refused_name_is_shown_on_one_short_line() -> None:
    with pytest.raises(RowUnusable) as refused:
        parse_report_url(f"{DIALER}?a%0Ab{'x' * 500}=1")
    assert len(str(refused.value)) < 120
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://d.example", "http://d.example/vicidial/"),
        ("http://d.example/vicidial/call_report_export.php?query_date=2026-01-01", "http://d.example/vicidial/"),
        (
            "http://d.example/vicidial/call_report_export.php?status[]=SALE&campaign[0]=A&campaign[1]=secret%26&user=7",
            "http://d.example/vicidial/call_report_export.php?campaign[]=A&campaign[]=…&status[]=SALE",
        ),
        ("http://d.example/vicidial/user_stats.php?user=2001", "http://d.example/vicidial/user_stats.php"),
    ],
)
def test_a_url_is_shown_with_what_tells_it_from_others_but_without_its_user(url: str, shown: str) -> None:
    assert parse_report_url(url).shown == shown


def test_a_shown_url_stands_for_the_same_source() -> None:
    url = parse_report_url("http://d.example/vicidial/call_report_export.php?status[]=A&campaign[]=x&campaign[]=%C3%A9")
    assert parse_report_url(url.shown).canonical == url.canonical

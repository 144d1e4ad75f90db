"""A credentials row's URL: what is kept of it, what is refused with which words, and that none of it leaks."""

import re
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st

from credentials.urls import ReportAddress, canonical_or_empty, report_address
from errors import RowUnusable

EXPORT, STATS = "call_report_export", "user_stats"
DIALER = "https://d.example/vicidial/"


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
    address = report_address(url)
    assert (address.dialer_url, address.report) == (dialer_url, report)


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
        report_address(url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "name", ["end_call", "modify_logs", "CBchangeDATE", "cbchange", "gdpr_action", "delete_lead", "stage", "function"]
)
@pytest.mark.parametrize("page", ["call_report_export.php?", "user_stats.php?user=2001&", "?"])
def test_a_parameter_that_can_write_is_refused(page: str, name: str) -> None:
    with pytest.raises(RowUnusable, match=f"'{name}' can change data on the dialer"):
        report_address(f"{DIALER}{page}{name}=purge")
    with pytest.raises(RowUnusable, match="can change data"):
        report_address(f"{DIALER}{page}{name}")
    with pytest.raises(RowUnusable, match="can change data"):
        report_address(f"{DIALER}{page}%{ord(name[0]):x}{name[1:]}=purge")


@pytest.mark.parametrize("name", ["did", "did_id", "pause_code_rpt", "park_rpt", "NVAuser"])
def test_another_kind_of_report_is_refused(name: str) -> None:
    with pytest.raises(RowUnusable, match=f"'{name}' asks for another kind of report"):
        report_address(f"{DIALER}user_stats.php?user=2001&{name}=1")


@pytest.mark.parametrize("name", ["campaign", "group", "list_id", "status", "user_group"])
def test_a_parameter_that_the_dialer_would_ignore_is_refused(name: str) -> None:
    with pytest.raises(RowUnusable, match=re.escape(f"write it as '{name}[]'")):
        report_address(f"{DIALER}call_report_export.php?{name}=X")


@pytest.mark.parametrize("section", ["1", "5", "7", "06", "all"])
def test_another_section_of_user_stats_is_refused(section: str) -> None:
    with pytest.raises(RowUnusable, match="use file_download=6"):
        report_address(f"{DIALER}user_stats.php?user=2001&file_download={section}")


@pytest.mark.parametrize("section", ["&file_download=6", "&file_download=", ""])
def test_the_section_of_in_group_calls_is_accepted(section: str) -> None:
    assert report_address(f"{DIALER}user_stats.php?user=2001{section}").parameters == (("user", "2001"),)


def test_dates_and_formats_are_dropped_and_reading_parameters_are_kept_in_order() -> None:
    address = report_address(
        f"{DIALER}call_report_export.php?run_export=1&query_date=2026-01-01&end_date=2026-01-31&query_hour=03"
        "&campaign[]=SALES&campaign%5B%5D=R%26D+1&group[]=---ALL---&status[]=SALE&list_id[]=&header_row=NO"
        "&export_fields=STANDARD&custom_fields=YES&call_notes=YES&rec_fields=ALL&SUBMIT=SUBMIT&user=2001"
    )
    assert address.parameters == (
        ("campaign[]", "SALES"), ("campaign[]", "R&D 1"), ("group[]", "---ALL---"), ("status[]", "SALE"),
        ("user", "2001"),
    )  # fmt: skip
    assert report_address(f"{DIALER}user_stats.php?begin_date=2026-01-01&end_date=2026-01-02&user=7").parameters == (
        ("user", "7"),
    )


def test_spellings_of_one_source_have_one_canonical_url() -> None:
    spellings = [
        f"{DIALER}call_report_export.php?campaign[]=A&campaign[]=B",
        "HTTPS://D.EXAMPLE:443/vicidial/call_report_export.php?campaign%5B%5D=B&campaign[]=A&query_date=2026-01-01",
        f" {DIALER}call_report_export.php?end_date=2026-02-01&campaign[]=A&status[]=&campaign[]=B#x",
    ]
    canonical = f"{DIALER}call_report_export.php?campaign%5B%5D=A&campaign%5B%5D=B"
    assert {report_address(url).canonical for url in spellings} == {canonical}
    assert report_address("https://d.example").canonical == f"{DIALER}call_report_export.php"


@pytest.mark.parametrize(
    "other",
    [
        "http://d.example/vicidial/", "https://d.example:8443/", "https://d2.example/", "https://d.example/east/",
        f"{DIALER}call_report_export.php?campaign[]=A", f"{DIALER}user_stats.php?user=1",
    ],
)  # fmt: skip
def test_other_sources_have_other_canonical_urls(other: str) -> None:
    assert report_address(other).canonical != report_address(DIALER).canonical


def test_a_canonical_url_stands_for_itself() -> None:
    for url in (DIALER, f"{DIALER}user_stats.php?user=a%26b&call_status=SALE", "http://[2001:db8::1]:81/x/?user=ü"):
        address = report_address(url)
        again = report_address(address.canonical)
        assert (again.canonical, again.dialer_url, again.report) == (
            address.canonical,
            address.dialer_url,
            address.report,
        )


def test_a_url_that_cannot_be_read_stands_for_itself() -> None:
    assert canonical_or_empty({"url": "nonsense"}) == "nonsense"
    assert canonical_or_empty({}) == ""


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
        address = report_address(url)
    except RowUnusable:
        return
    assert isinstance(address, ReportAddress)
    assert address.dialer_url.startswith(("http://", "https://"))
    assert address.dialer_url.endswith("/")
    assert "@" not in address.dialer_url.split("/")[2]
    assert report_address(address.canonical).parameters == tuple(sorted(address.parameters))


@settings(max_examples=100, deadline=None)
@given(
    host=st.text("aZ0-._%\\;'\"<>[]:ä\u200b\u0130\u3002\u202e\x7f\x85{}|^`~!$&()*+,=", min_size=1, max_size=12),
    path=st.text("a0/%\\;?#&=[]ä\u202e\x7f\x85|{}\"'.", max_size=15),
)
def test_an_address_that_is_taken_can_be_asked_and_is_that_host(host: str, path: str) -> None:
    try:
        address = report_address(f"https://{host}/{path}")
    except RowUnusable:
        return
    asked = urlsplit(requests.Request("POST", address.dialer_url + "x.php").prepare().url or "")
    meant = urlsplit(address.dialer_url)
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
        report_address(f"https://d.example/vicidial/{page}?{query}")
    assert "hunter2" not in str(refused.value)
    assert query not in str(refused.value)


def test_a_refused_name_is_shown_on_one_short_line() -> None:
    with pytest.raises(RowUnusable) as refused:
        report_address(f"{DIALER}?a%0Ab{'x' * 500}=1")
    assert len(str(refused.value)) < 120
    assert "\n" not in str(refused.value)

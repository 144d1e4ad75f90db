"""The names that the form of the export page offers, from markup of several builds and over a real socket."""

from pathlib import Path

import pytest

from dialers.export_form import Choices, parse_choices
from errors import LoginRejected, ReportUnknown, SyncError
from simulated_dialer import SimulatedDialer
from tests.dialers.sources import REPORT, connect_to, count_forms, listener, quick, small_world, source


@pytest.mark.parametrize(
    "markup",
    [
        '<select name="campaign[]"><option value="A&amp;B">x</option></select>'
        '<select name="group[]"><option value="IN">x</option></select>',
        "<SELECT SIZE=20 NAME=campaign[] multiple>\n<option selected value='A&amp;B'>x\n"
        "<SELECT NAME=group[]><OPTION VALUE=IN SELECTED>y</SELECT>",
        '<select name=campaign[]><option value="---NONE---"><option value="---ALL---"><option value=""><option>'
        '<option value="A&B"></select><select name=group[]><option value=IN></select>'
        "<select name=list_id[]><option value=101></select>",
    ],
)
def test_names_are_read_from_every_spelling_of_the_form(markup: str) -> None:
    assert parse_choices(f"<html><form>{markup}</form></html>") == Choices(("A&B",), ("IN",))


def test_a_form_without_visible_names_is_still_a_form() -> None:
    assert parse_choices("<select name=campaign[]></select><select name=group[]></select>") == Choices((), ())


@pytest.mark.parametrize(
    "page",
    ["", "hello", "<select name=status[]><option value=A></select>", "<select name=campaign[]><option value=A>"],
)
def test_another_page_and_one_that_is_cut_off_tell_nothing(page: str) -> None:
    assert parse_choices(page) is None


def test_a_dialer_is_asked_for_its_names_and_that_proves_the_login(tmp_path: Path) -> None:
    world = small_world()
    with (
        SimulatedDialer(world, accounts=[REPORT]) as simulated,
        connect_to(source(simulated), quick(tmp_path)) as dialer,
    ):
        assert dialer.never_worked
        assert dialer.choices() == Choices(tuple(world.centre.campaigns), tuple(world.centre.ingroups))
        assert not dialer.never_worked
        assert count_forms(simulated) == 1


def test_a_wrong_password_is_refused_and_not_tried_again(tmp_path: Path) -> None:
    with SimulatedDialer(small_world(), accounts=[REPORT]) as simulated:
        for _ in range(2):
            who = source(simulated, password="wrong")
            with connect_to(who, quick(tmp_path)) as dialer, pytest.raises(LoginRejected):
                dialer.choices()
        assert count_forms(simulated) == 1


def serve(tmp_path: Path, status: bytes, page: bytes) -> tuple[Choices | SyncError | None, bool]:
    """What a dialer with that page is understood to say, and whether its login has worked since."""
    head = b"HTTP/1.1 %s\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % (status, len(page))
    with (
        listener(lambda connection: connection.sendall(head + page)) as port,
        connect_to(source(f"http://127.0.0.1:{port}/vicidial/"), quick(tmp_path)) as dialer,
    ):
        try:
            return dialer.choices(), not dialer.never_worked
        except SyncError as exc:
            return exc, not dialer.never_worked


def test_another_page_instead_of_the_form_is_an_error_and_proves_nothing(tmp_path: Path) -> None:
    told, works = serve(tmp_path, b"200 OK", b"hello")
    assert isinstance(told, ReportUnknown)
    assert not works


def test_a_form_on_a_page_of_failure_is_none(tmp_path: Path) -> None:
    told, works = serve(tmp_path, b"404 Not Found", b"<select name=campaign[]><option value=A></select>")
    assert isinstance(told, SyncError)
    assert not works


def test_names_after_much_else_are_read_and_an_endless_form_is_not_taken_for_whole(tmp_path: Path) -> None:
    many = b"".join(b'<option value="C%d">C</option>' % number for number in range(5_000))
    page = b"<form><select name=campaign[]>" + many + b"</select></form>"
    told, works = serve(tmp_path, b"200 OK", page)
    assert isinstance(told, Choices)
    assert (len(told.campaigns), works) == (5_000, True)
    assert isinstance(serve(tmp_path, b"200 OK", b"<form><select name=campaign[]>" + many * 20)[0], ReportUnknown)

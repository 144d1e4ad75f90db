"""Tests of the frozen records in messages/."""

from dataclasses import replace

import pytest

from messages import SourceIdentity
from tests.dialers.sources import BEST


@pytest.mark.parametrize(
    ("names", "argument"),
    [
        (("Example Ltd", "1001"), '"Example Ltd"'),
        (("Müller & Söhne, Zürich", "7"), '"Müller & Söhne, Zürich"'),
        (('The "Best"', "1001"), '"1001"'),
        (("$(reboot)", "`x`"), "NAME"),
        (("a\nb", "%PATH%"), "NAME"),
        (("", "back\\slash"), "NAME"),
        (("--all", "-1"), "NAME"),
    ],
)
def test_a_proposed_argument_means_the_same_to_every_shell(names: tuple[str, ...], argument: str) -> None:
    name, number = names
    assert replace(BEST, identity=SourceIdentity("0", "Sales", number, name)).argument == argument

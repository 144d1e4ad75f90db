"""Random faults of a dialer: a read succeeds only with every call, and after the repair nothing is done by hand.

RANDOM_FAULTS=300 python -m pytest tests/broken_dialers runs more stories. RANDOM_FAULTS_FROM is their first seed.
"""

import os
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulated_dialer import Account, SimulatedDialer
from tests.acceptance.programs import PASSWORD, USER, ZONE
from tests.broken_dialers.in_process_sites import Read, Site
from tests.broken_dialers.plans import SILENT, Step, Story, story_of

FIRST = int(os.environ.get("RANDOM_FAULTS_FROM", "1"))
STORIES = int(os.environ.get("RANDOM_FAULTS", "5"))
EVERY_TIME = 1
"""Stories of the test line. The rest is slow."""
LAST_CYCLES = 6
CLIENT = "1"


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(FIRST + number, marks=[pytest.mark.slow] if number >= EVERY_TIME else [])
        for number in range(STORIES)
    ],
)
def test_a_read_ends_well_only_with_every_call_and_the_rest_comes_by_itself(seed: int, tmp_path: Path) -> None:
    story = story_of(seed)
    tells = story.build != SILENT
    with SimulatedDialer(
        story.world(seed), story.build, [Account(USER, PASSWORD)], tells_version=tells, php=7
    ) as dialer:
        site = Site(tmp_path, {CLIENT: dialer})
        now = tell(story, site, dialer)
        dialer.behave()
        repaired = site.cycle(now)
        for _ in range(LAST_CYCLES):
            if repaired.code == 0:
                break
            now += timedelta(minutes=15)
            repaired = site.cycle(now)
        assert repaired.code == 0, (story, repaired.texts)
        found = site.findings(first_day(story))
        assert (found.lost, found.doubled, found.unexpected) == (0, 0, 0), (story, found)
        now += timedelta(days=1)  # calls that stood in progress for long are asked for less often
        assert site.cycle(now).code == 0
        found = site.findings(first_day(story))
        assert found.wrong == 0, (story, found)
        assert site.rows("SELECT * FROM vicidial.hours WHERE doubt IS NOT NULL") == []


def first_day(story: Story) -> date:
    return (story.begins.astimezone(ZoneInfo(ZONE)) - timedelta(days=1)).date()


def tell(story: Story, site: Site, dialer: SimulatedDialer) -> datetime:
    """Run the story, and return the moment after it."""
    now = story.begins
    for number, step in enumerate(story.steps):
        now += step.pause if number else timedelta()
        dialer.behave()
        if step.fault is not None:
            dialer.misbehave(**step.fault)
        done = read(site, step, now)
        if done.code == 0 and step.backfill_days_ago is None:
            assert site.missing(CLIENT, first_day(story)) == 0, (number, story)
        assert site.findings(first_day(story)).doubled == 0, (number, story)
    return now + timedelta(minutes=15)


def read(site: Site, step: Step, now: datetime) -> Read:
    if step.backfill_days_ago is None:
        return site.cycle(now)
    return site.backfill(now, now.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=step.backfill_days_ago))

"""Division of a request that a dialer cannot answer: into fewer hours, then halves, then fewer names."""

from collections.abc import Sequence
from dataclasses import replace

from dialers.visibility import DROPPED
from messages import Window
from reading.parts import Part
from reading.source_runs import SourceRun
from reading.window_sizes import WindowSizes, halves_of
from reports.legs import INBOUND


class RequestDivider:
    """Division of the requests for one source."""

    def __init__(self, run: SourceRun) -> None:
        self._run = run
        self._behaviour = run.behaviour
        self._sizes = WindowSizes(run.settings.data_dir, run.source.key)

    @property
    def may_divide_hours(self) -> bool:
        return self._is_trusted and self._behaviour.knows_hours

    @property
    def _is_trusted(self) -> bool:
        """Tell whether the password has worked. Until then, an unanswered request could be a failed login."""
        is_safe = self._behaviour.has_failed or not self._run.dialer.never_worked
        return not self._run.report.whole_days_only() and is_safe

    def can_halve(self, window: Window) -> bool:
        return self.may_divide_hours and window.first_hour < window.last_hour

    def split_window(self, window: Window) -> Sequence[Window]:
        """Divide a window into pieces of the size that was answered so far."""
        return self._sizes.divide(window) if self.may_divide_hours else [window]

    def halve(self, window: Window) -> tuple[Window, ...]:
        """Return the halves of a too large window, and remember its size. None if it cannot be divided."""
        if not self.can_halve(window) or self._behaviour.is_size_no_cause:
            return ()
        self._sizes.shrink(window)
        return halves_of(window)

    def note_whole_answer(self, window: Window) -> None:
        """Note that a window of this size was answered whole."""
        if self.may_divide_hours:
            self._sizes.grow(window)

    def smaller_parts(self, window: Window, parts: tuple[Part, ...]) -> tuple[Part, ...]:
        """Divide the parts of a window. None if they cannot be divided, or if hours can be divided instead."""
        if not self._is_trusted or self.can_halve(window):
            return ()
        smaller = tuple(each for part in parts for each in self.divide_part(part))
        return smaller if len(smaller) > len(parts) else ()

    def divide_part(self, part: Part) -> tuple[Part, ...]:
        """Divide a part in two: by halves first, then by names. A part of one name stays as it is."""
        source, report = self._run.source, self._run.report
        halves = report.halves(source)
        if part.half is None and len(halves) > 1:
            return tuple(replace(part, half=half) for half in halves)
        half = part.half or halves[0]
        names = part.names or report.chosen_names(source, half) or self._names_on_offer(half)
        middle = len(names) // 2
        if not middle:
            return (part,)
        return tuple(replace(part, half=half, names=some) for some in (names[:middle], names[middle:]))

    def _names_on_offer(self, half: str) -> tuple[str, ...]:
        """Return all names of a half. There are none if one of them cannot be asked for by name.

        The size of a request is not the cause if a dialer has answered nothing in this run. It is asked for names only
        if it knows no hours, because nothing smaller could be asked for before.
        """
        behaviour = self._behaviour
        choices = self._run.names.refresh_daily() if behaviour.has_answered or not behaviour.knows_hours else None
        names = (choices.groups if half == INBOUND else choices.campaigns) if choices else ()
        return () if any(DROPPED.search(name) for name in names) else names

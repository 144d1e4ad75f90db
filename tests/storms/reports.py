"""The report of a storm."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from tests.storms.plans import PHASES
from tests.storms.truth import Findings


@dataclass
class Report:
    """Events and findings of a storm."""

    hits: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Event → phase → how often."""
    findings: Findings = field(default_factory=Findings)
    ahead: int = 0
    looks: int = 0
    """Number of comparisons of state and rows right after a kill."""
    history_faults: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """Wrong exit codes, late exits, admitted second daemons, processes outliving their daemon."""
    leftovers: list[str] = field(default_factory=list)
    exits: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Phase → seconds of each orderly end."""
    own_exits: Counter[int] = field(default_factory=Counter)
    quiet_codes: list[int] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    """Seconds from each event to the end of the next whole cycle, during the storm."""
    recovered_undisturbed: list[float] = field(default_factory=list)
    staging_tables: int = 0
    seconds: float = 0.0

    @property
    def events(self) -> int:
        return sum(phases.total() for phases in self.hits.values())

    @property
    def is_clean(self) -> bool:
        wrong = self.findings.wrong or self.ahead or self.history_faults or self.problems or self.leftovers
        return not wrong and 0 in self.quiet_codes

    def hits_in(self, phase: str) -> int:
        return sum(phases[phase] for phases in self.hits.values())

    def __str__(self) -> str:
        found = self.findings
        exits = {phase: round(max(self.exits[phase]), 1) for phase in PHASES if phase in self.exits}
        return "\n".join([
            f"{self.events} events in {self.seconds:.0f} s:",
            *self._table(),
            f"rows {found.rows}: lost {found.lost}, doubled {found.doubled}, stale {found.stale}, unexpected"
            f" {found.unexpected}; state ahead of rows {self.ahead} in {self.looks} looks right after a kill",
            f"run history: {self._few(self.history_faults)}",
            f"time to recover: {_longest(self.recovered_undisturbed)} left alone, {_longest(self.recoveries)} as the"
            " storm goes on",
            f"longest exits in order, by phase, seconds: {exits}",
            f"ended by itself and was started again, by exit code: {dict(self.own_exits)}",
            f"quiet cycles ended with {self.quiet_codes}",
            f"left over: {self._few(self.leftovers)}; staging tables that wait for their expiry: {self.staging_tables}",
            f"problems: {self._few(self.problems)}",
            *found.examples[:20],
        ])  # fmt: skip

    def _table(self) -> list[str]:
        names = sorted(self.hits)
        widths = [max(len(phase), 5) for phase in PHASES]
        head = "  ".join(phase.rjust(width) for phase, width in zip(PHASES, widths, strict=True))
        lines = [f"{'':28}{head}"]
        for name in names:
            counts = [self.hits[name][phase] for phase in PHASES]
            lines.append(f"{name:28}" + "  ".join(f"{n or '.':>{w}}" for n, w in zip(counts, widths, strict=True)))
        totals = [self.hits_in(phase) for phase in PHASES]
        lines.append(f"{'all':28}" + "  ".join(f"{n:>{w}}" for n, w in zip(totals, widths, strict=True)))
        return lines

    @staticmethod
    def _few(texts: list[str]) -> str:
        return "none" if not texts else "\n  ".join([f"{len(texts)}", *texts[:10]])


def _longest(seconds: list[float]) -> str:
    return f"{max(seconds):.1f} s at most ({len(seconds)} times)" if seconds else "not measured"

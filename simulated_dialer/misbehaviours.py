"""Misbehaviours of a dialer, its network or its gateway. A test requests them by name."""

import random
import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

_NOTICE = b"<br />\n<b>Warning</b>:  Undefined variable in <b>/srv/www/report.php</b> on line <b>%d</b><br />\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Misbehaviour:
    """What goes wrong at once, in ``pages`` (empty: all) for the next ``requests`` (None: until told to behave).

    turns: which of the requests that it concerns go wrong, over and over: (True, False) is every other one.
    latency: seconds before the answer starts.
    hang: reads the request and never answers.
    drop_reused: a further request on a connection that was used before is reset before any byte of an answer.
    trickle_header: the header drips one byte every so many seconds (True: 0.05 s).
    trickle: the body drips one byte every so many seconds, for ever (True: 0.05 s).
    endless: the body's records repeat for ever, at full speed.
    reset_after: the connection is reset after so many bytes of the body.
    cut_after: the connection is closed after so many bytes of a chunked body, without the last chunk.
    truncate: only the first n records (int) or that share of them (float) come, and the body ends as it should.
    status: that HTTP status instead of an answer; 500 is empty, 429 and 503 may say ``retry_after`` seconds.
    rows_before_silence: exports with more records are never answered, as by a proxy that gives up.
    database_down: MySQL cannot be reached.
    ip_block: the client's address is not on the list.
    display_errors: PHP prints its warnings into everything.
    clock_offset: seconds by which the dialer's clock (DATE and EPOCH of ``version``, Date header) is fast.
    php_timezone: PHP of the web server stands in that zone: DATE of ``version`` is in it, calls are not.
    redirect_to: every answer sends the client to that address.
    rows_before_memory_is_out: exports with more records die with an empty 500.
    crashed_table: EXTENDED* exports end before the first record of that kind, alike each time: "all", "inbound" or
        "outbound"; STANDARD does not read that table.
    crashed_hours: only records of these local hours need the crashed table.
    cpu_rows: exports with more records are cut after about as many, at another row each time, as a time limit does.
    """

    turns: tuple[bool, ...] = (True,)
    latency: float = 0.0
    hang: bool = False
    drop_reused: bool = False
    trickle_header: bool | float = False
    trickle: bool | float = False
    endless: bool = False
    reset_after: int | None = None
    cut_after: int | None = None
    truncate: int | float | None = None
    status: int | None = None
    retry_after: int | None = None
    database_down: bool = False
    ip_block: bool = False
    display_errors: bool = False
    clock_offset: float = 0.0
    php_timezone: str | None = None
    redirect_to: str | None = None
    rows_before_memory_is_out: int | None = None
    rows_before_silence: int | None = None
    crashed_table: str | None = None
    crashed_hours: Collection[int] = range(24)
    cpu_rows: int | None = None
    pages: tuple[str, ...] = ()
    requests: int | None = None

    @property
    def seconds_between_bytes(self) -> float:
        return 0.05 if self.trickle is True else float(self.trickle)

    @property
    def seconds_between_header_bytes(self) -> float:
        return 0.05 if self.trickle_header is True else float(self.trickle_header)

    def truncate_body(self, body: bytes, record_end: bytes) -> bytes:
        """Cut the body at a record boundary. Its heading does not count."""
        records = body.split(record_end)[:-1]
        if self.crashed_table is not None and records and b"uniqueid" in records[0]:
            records = records[: self._readable(records)]
        if self.cpu_rows is not None and len(records) - 1 > self.cpu_rows:
            records = records[: 1 + self.cpu_rows - random.randrange(1 + self.cpu_rows // 50)]  # noqa: S311 - no secret
        if self.truncate is None:
            return b"".join(record + record_end for record in records)
        keep = self.truncate if isinstance(self.truncate, int) else int((len(records) - 1) * self.truncate)
        return b"".join(record + record_end for record in records[: keep + 1])

    def _readable(self, records: list[bytes]) -> int:
        """Return heading and records before the first one in the crashed table."""
        queue = records[0].split(b"\t").index(b"alt_dial")
        for number, record in enumerate(records[1:], 1):
            fields = record.split(b"\t")
            kind = "inbound" if fields[queue].replace(b".", b"").isdigit() else "outbound"
            if self.crashed_table in ("all", kind) and int(fields[0][11:13]) in self.crashed_hours:
                return number
        return len(records)

    def with_warnings(self, body: bytes, record_end: bytes) -> bytes:
        """Return the body with PHP's warnings before it and in its middle."""
        middle = body.find(record_end, len(body) // 2) + len(record_end)
        return (_NOTICE % 214) + body[:middle] + (_NOTICE % 1071) + body[middle:]

    def repeat_body(self, body: bytes) -> Iterator[bytes | memoryview]:
        """Repeat the body without an end."""
        head, _, records = body.partition(b"\n")
        yield head + b"\n"
        block = records * max(1, (1 << 20) // max(len(records), 1)) or b"\n"
        while True:
            yield block


BEHAVING = Misbehaviour()


@dataclass(slots=True)
class Misbehaviours:
    """The requested misbehaviours. The latest one for a page wins."""

    _asked: list["_Asked"] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, misbehaviour: Misbehaviour) -> None:
        with self._lock:
            self._asked.append(_Asked(misbehaviour, misbehaviour.requests))

    def clear(self) -> None:
        with self._lock:
            self._asked.clear()

    def are_left(self) -> bool:
        """Return whether a later request will go wrong."""
        with self._lock:
            return any(asked.left != 0 for asked in self._asked)

    def next_for(self, page: str) -> Misbehaviour:
        """Return the misbehaviour of one request of the page, and use it up once."""
        with self._lock:
            for asked in reversed(self._asked):
                if asked.concerns(page) and asked.strikes():
                    return asked.misbehaviour
        return BEHAVING


@dataclass(slots=True)
class _Asked:
    """One misbehaviour, and its rest."""

    misbehaviour: Misbehaviour
    left: int | None
    seen: int = 0

    def concerns(self, page: str) -> bool:
        return self.left != 0 and (not self.misbehaviour.pages or page in self.misbehaviour.pages)

    def strikes(self) -> bool:
        """Count one request. Return whether it goes wrong."""
        turn = self.misbehaviour.turns[self.seen % len(self.misbehaviour.turns)]
        self.seen += 1
        if turn and self.left is not None:
            self.left -= 1
        return turn

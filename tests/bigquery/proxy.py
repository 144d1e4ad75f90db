"""A proxy before the BigQuery emulator. It records every request and lets tests break chosen ones.

Tests use this part: the recorded requests and the faults. It outlives a killed emulator.
"""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.bigquery.faults import Answer, Fault, refused
from tests.bigquery.proxy_server import ProxyServer
from tests.bigquery.request_kinds import Asked, Seen

SUBMISSIONS = ("query", "load", "copy", "start_upload")
When = Callable[[Seen], bool]


@dataclass
class _Injected:
    """A fault, and the number of its repetitions. None repeats it until it is cleared."""

    fault: Fault
    when: When
    times: int | None


class FaultProxy:
    """Listens while it is entered. Its ``url`` stands in for that of the emulator.

    Of a refusal by :meth:`deny` and several faults that fit a request, the refusal comes first and then the oldest.
    """

    def __init__(self, target_url: str) -> None:
        self.target = urlsplit(target_url).netloc
        self._lock = threading.RLock()  # a test's condition may ask what was seen
        self._seen: list[Seen] = []
        self._faults: list[_Injected] = []
        self._refusals: list[_Injected] = []
        self._jobs: dict[str, dict[str, Any]] = {}
        self._uploads: dict[str, str] = {}
        self.released = threading.Event()
        self._server = ProxyServer(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Hang up on every client.

        Raises:
            ExceptionGroup: what went wrong in the proxy itself, such as in a test's ``when``.
        """
        self._server.shutdown()
        self.released.set()  # and left so: a request that is read only now shall not wait either
        self._server.stop()
        self._thread.join()
        if self._server.errors and error is None:
            raise ExceptionGroup("the proxy failed", self._server.errors)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def seen(self) -> list[Seen]:
        with self._lock:
            return list(self._seen)

    @property
    def jobs(self) -> int:
        """Return the number of submitted jobs, failed submissions included."""
        return sum(seen.kind in SUBMISSIONS for seen in self.seen)

    def inject(self, fault: Fault, when: When, times: int | None = 1) -> None:
        """Let ``fault`` happen to the next ``times`` matching requests. None means all until it is cleared."""
        with self._lock:
            self._faults.append(_Injected(fault, when, times))

    def deny(self, when: When, message: str) -> None:
        """Refuse matching requests with 403 accessDenied until ``allow``."""
        with self._lock:
            self._refusals.append(_Injected(refused(403, "accessDenied", message), when, None))

    def allow(self) -> None:
        """Take back every :meth:`deny`."""
        with self._lock:
            self._refusals.clear()

    def release(self) -> None:
        """Hang up on every client that waits for a silent or an endless answer."""
        with self._lock:
            self.released.set()
            self.released = threading.Event()

    def clear(self) -> None:
        """Forget every fault, refusal and recorded request."""
        with self._lock:
            self._seen.clear()
            self._faults.clear()
            self._refusals.clear()

    def note(self, asked: Asked) -> Seen:
        """Record a request. Only a submission carries its job, and later requests refer to it."""
        with self._lock:
            job_id = self._uploads.get(asked.upload_id or "") or asked.job_id()
            seen = Seen(asked.method, asked.path, asked.kind(), job_id, asked.statement())
            self._seen.append(seen)
            if seen.kind in SUBMISSIONS and job_id is not None:
                self._jobs.setdefault(job_id, {"kind": "bigquery#job"} | asked.job())
        return seen

    def note_upload(self, seen: Seen, answer: Answer) -> None:
        """Remember the job of the bytes that will be sent to the address in ``answer``."""
        location = next((value for name, value in answer.headers if name.lower() == "location"), "")
        upload_id = parse_qs(urlsplit(location).query).get("upload_id", [""])[0]
        if seen.job_id is not None and upload_id:
            with self._lock:
                self._uploads[upload_id] = seen.job_id

    def submitted(self, job_id: str | None) -> dict[str, Any] | None:
        """Return the job as it was submitted through this proxy."""
        with self._lock:
            return self._jobs.get(job_id or "")

    def fault_for(self, seen: Seen) -> Fault | None:
        """Return the next fault for this request, and count it as used."""
        with self._lock:
            for injected in itertools.chain(self._refusals, self._faults):
                if injected.times != 0 and injected.when(seen):
                    injected.times = None if injected.times is None else injected.times - 1
                    return injected.fault
        return None

"""Identity of dialers: rows of the credentials table may name one machine by several names and by its address.

Connections are counted for the machine, since they could overrun it. Refused logins are remembered for a name and its
address together: these are one dialer. Two names with one address may be two dialers behind a proxy.
"""

import socket
import threading
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from time import monotonic

from messages import DialerAddress, Source

PATIENCE = 3.0
"""Seconds for all names together. A name without an address by then stands for itself."""
AT_ONCE = 32


def identify_machines(sources: Sequence[Source]) -> list[Source]:
    """Return the sources with the name of their machine, and the least connection limit of its rows."""
    machines = _map_to_machines({source.host: source.address for source in sources})
    known = [
        replace(source, machine=machine.host, login_host=login_host(source.address, machine))
        for source in sources
        for machine in [machines[source.host]]
    ]
    limits: defaultdict[str, list[int]] = defaultdict(list)
    for source in known:
        limits[source.machine].append(source.max_connections)
    return [replace(source, max_connections=min(limits[source.machine])) for source in known]


def login_host(dialer: DialerAddress, machine: DialerAddress) -> str:
    """Return the name by which refused logins are remembered."""
    return machine.host if _is_numeric(dialer.hostname) or _is_numeric(machine.hostname) else dialer.host


def _is_numeric(hostname: str) -> bool:
    with suppress(ValueError):
        ip_address(hostname)
        return True
    return hostname == "localhost"


def _map_to_machines(dialers: Mapping[str, DialerAddress]) -> dict[str, DialerAddress]:
    """Map each host to the first dialer, by host, with the same IP address and port."""
    found = _look_up({dialer.hostname for dialer in dialers.values()}) if len(dialers) > 1 else {}
    machines: dict[str, DialerAddress] = {}
    taken: dict[tuple[str, int | None], DialerAddress] = {}
    for host, dialer in sorted(dialers.items()):
        places = [(address, dialer.port) for address in found.get(dialer.hostname, ())]
        machines[host] = next((taken[place] for place in places if place in taken), dialer)
        for place in places:
            taken.setdefault(place, machines[host])
    return machines


def _look_up(names: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Look all names up side by side. Nobody waits for the threads: some system libraries take half a minute."""
    waiting: SimpleQueue[str] = SimpleQueue()
    found: SimpleQueue[tuple[str, frozenset[str]]] = SimpleQueue()
    for name in names:
        waiting.put(name)

    def look_up() -> None:
        with suppress(Empty):
            while True:
                name = waiting.get_nowait()
                found.put((name, _look_up_one(name)))

    for _ in range(min(len(names), AT_ONCE)):
        threading.Thread(target=look_up, name="names", daemon=True).start()
    known: dict[str, frozenset[str]] = {}
    deadline = monotonic() + PATIENCE
    with suppress(Empty):
        while len(known) < len(names):
            name, addresses = found.get(timeout=max(deadline - monotonic(), 0))
            known[name] = addresses
    return known


def _look_up_one(name: str) -> frozenset[str]:
    try:
        return frozenset(str(found[4][0]) for found in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError):
        return frozenset()

"""Sources: usable rows of the credentials table, their names and addresses, and the rows and logins left out."""

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from utils import one_line

ALIKE_IN_QUOTES = re.compile(r"\w[\w .,:+&@()/'-]*")


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """The names of a source: one report of one dialer for one client's campaign.

    A campaign as a whole has neither key nor client. A row that cannot be used has no key.
    """

    key: str
    """Stable for client_id, campaign and URL without its dates. 32 hexadecimal digits."""
    campaign: str
    client_id: str = ""
    client_name: str = ""
    agent: str | None = None
    """The one user of a report about one user. None for the calls of everybody."""
    host: str = field(default="", compare=False)
    """``host`` or ``host:port`` of its dialer, as far as known here."""

    @classmethod
    def of_campaign(cls, campaign: str) -> "SourceIdentity":
        return cls("", campaign)

    @property
    def client(self) -> str:
        """The client's name with its agent, on one line: rows of one client may differ in the agent alone."""
        client = self.client_name or self.client_id
        return one_line(f"{client}, agent {self.agent}" if self.agent else client)

    @property
    def title(self) -> str:
        """Campaign and client for people, on one line."""
        return f"{one_line(self.campaign)} / {self.client}" if self.client else one_line(self.campaign)

    def title_among(self, common: Collection[str]) -> str:
        """Return the title, with the host if it is a common one."""
        return f"{self.title} ({self.host})" if self.host and self.title in common else self.title

    def columns(self) -> dict[str, str]:
        """Return the names under their columns of the tables."""
        return {
            "source_key": self.key,
            "campaign": self.campaign,
            "client_id": self.client_id,
            "client_name": self.client_name,
        }


def find_common_titles(sources: Iterable[SourceIdentity]) -> frozenset[str]:
    """Return the titles that mean several of these sources."""
    counts = Counter(title for title, _key, _host in {(each.title, each.key, each.host) for each in sources})
    return frozenset(title for title, count in counts.items() if count > 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class DialerAddress:
    """The folder of a dialer's pages. The URL of a row is parsed into it once."""

    scheme: str
    """``http`` or ``https``."""
    hostname: str
    """Lower case. An IPv6 address stands without brackets."""
    port: int | None = None
    """None for the usual port of the scheme."""
    folder: str = "/vicidial/"
    """Path of the pages, with slashes at both ends."""

    @property
    def host(self) -> str:
        """``host`` or ``host:port``, fit for a log."""
        name = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return name if self.port is None else f"{name}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port, fit for a log."""
        return f"{self.scheme}://{self.host}"

    @property
    def url(self) -> str:
        """URL of the folder: ``https://host:port/prefix/vicidial/``."""
        return self.origin + self.folder

    @property
    def is_encrypted(self) -> bool:
        return self.scheme == "https"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A usable row of the credentials table, normalised once."""

    identity: SourceIdentity
    report: str
    """Name of a module in ``reports/``: ``call_report_export`` or ``user_stats``."""
    address: DialerAddress
    parameters: tuple[tuple[str, str], ...] = ()
    """The row's own parameters of the report, in order."""
    username: str
    password: str = field(repr=False)
    timezone: str
    max_connections: int
    verify_tls: bool = True
    machine: str = ""
    """The first of the hosts with the dialer's address. Connections are counted by it."""
    login_host: str = ""
    """Host for the notes on logins. A name and its address are one host, but two names may be two dialers."""

    @property
    def key(self) -> str:
        return self.identity.key

    @property
    def campaign(self) -> str:
        return self.identity.campaign

    @property
    def client_id(self) -> str:
        return self.identity.client_id

    @property
    def client_name(self) -> str:
        return self.identity.client_name

    @property
    def host(self) -> str:
        """``host`` or ``host:port``, fit for a log."""
        return self.address.host

    @property
    def argument(self) -> str:
        """Return the client's name for a proposed command. ``NAME`` if no name means the same to every shell."""
        names = (self.client_name, self.client_id)
        return next((f'"{name}"' for name in names if ALIKE_IN_QUOTES.fullmatch(name)), "NAME")


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRow:
    """A row of the credentials table that is not read, with the reason."""

    identity: SourceIdentity
    reason: str
    failed: bool
    """False for a row that is switched off or an exact duplicate. It needs no action."""
    import_needed: bool = True
    """False if only a variable in the environment of the program has to be corrected."""
    address: str = ""
    """The row's URL, as far as it can be read, without a possible secret."""
    report: str = ""
    """The report and its agent."""
    username: str = ""
    timezone: str = ""
    source_key: str = ""
    """Key of the source that the row would be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedAccount:
    """A password refused by a dialer, as a salted slow fingerprint."""

    host: str
    username: str
    salt: str
    fingerprint: str
    refused_at: datetime
    reason: str

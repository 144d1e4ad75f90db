"""An answer of a dialer, and its recognition by status, headers and first bytes.

A dialer says nearly everything with HTTP 200, and its messages echo user and password: none of it may reach a log.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

NO_CALLS = re.compile(r"^There are no (inbound |outbound )?calls during this time period for these parameters")
RIGHTS_MISSING = ("You are not allowed to view", "You do not have permissions for export reports")
SENTENCE = re.compile(
    r"(?!.*\b(error|exception|denied|forbidden|crashed|sql|mysqli?|php)\b)[^\d<>|{}:/\\_\r\n]{4,200}", re.I
)
"""One line of words, without markup, an echoed login, or the place in a program of its errors."""
FORM = re.compile(r"<form\b", re.IGNORECASE)
PASSWORD_FIELD = re.compile(r"type=[\"']?password\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status and headers of an answer, and the first bytes of its body unless it is an export."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    start: str = ""

    @property
    def is_export(self) -> bool:
        """These two headers together prove an export. The report checks its header row."""
        return (
            self.status == 200
            and self.headers.get("content-disposition", "").lower().startswith("attachment")
            and self.headers.get("content-type", "").lower().startswith("application/octet-stream")
        )

    @property
    def is_empty_export(self) -> bool:
        """The dialer has no calls in the window."""
        return self.status == 200 and NO_CALLS.match(self.start) is not None

    @property
    def is_sentence(self) -> bool:
        """It could mean "no calls" in another language."""
        is_page = self.headers.get("content-type", "text/html").lower().startswith("text/html")
        return self.status == 200 and is_page and SENTENCE.fullmatch(self.start) is not None

    @property
    def is_form(self) -> bool:
        """It is a page with a form and without a password field."""
        return self.status == 200 and FORM.search(self.start) is not None and PASSWORD_FIELD.search(self.start) is None

    @property
    def digest(self) -> str:
        return blake2b(self.start.encode("utf-8"), digest_size=16).hexdigest()

    @property
    def sender(self) -> str:
        """Server and program of the answer: a proxy in a dialer's place has others."""
        return " ".join(self.headers.get(name, "") for name in ("server", "x-powered-by"))

    @property
    def proves_login(self) -> bool:
        """The password was right, whatever else the answer says."""
        return self.is_export or self.is_empty_export or self.start.startswith(RIGHTS_MISSING)

"""The failure recorded for an unexpected exception while a client is read."""

from errors import Label, MemoryShort, build_file_error, is_lack_of_memory, redact_error
from messages import Failure
from utils import one_line


def build_unforeseen_failure(exc: Exception, campaign: str) -> Failure:
    """Build the failure for an unforeseen error: lack of memory, a file of this machine, or a program error."""
    if is_lack_of_memory(exc):
        return Failure.from_error(MemoryShort(campaign))
    if trouble := build_file_error(exc):
        return Failure(trouble.label, one_line(str(trouble), limit=500))
    return Failure(Label.PROGRAM_ERROR, redact_error(exc))

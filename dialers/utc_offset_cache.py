"""The UTC offset that a dialer's calls have shown last, cached in DATA_DIR: at night no call may tell it."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from dialers.cache_files import CacheFile
from dialers.slots import file_name_for
from messages import DialerAddress, ShownOffset


class UtcOffsetCache:
    """The offset of the clock by which one dialer writes down its calls."""

    def __init__(self, directory: Path, address: DialerAddress) -> None:
        self._file = CacheFile(directory / f"{file_name_for(address.url)}.clock", _parse)

    def read(self) -> ShownOffset | None:
        """Return the latest offset that calls have shown."""
        return self._file.read()

    def store(self, shown: ShownOffset) -> None:
        """Remember what calls have shown, unless the cache holds a later moment."""
        known = self.read()
        if known is None or known.moment < shown.moment:
            self._file.write(
                {
                    "moment": shown.moment.isoformat(),
                    "offset_seconds": shown.offset.total_seconds(),
                    "calls": shown.calls,
                }
            )


def _parse(content: dict[str, Any]) -> ShownOffset | None:
    moment = datetime.fromisoformat(content["moment"])
    if moment.utcoffset() is None:
        return None
    offset = timedelta(seconds=float(content["offset_seconds"]))
    return ShownOffset(moment=moment, offset=offset, calls=int(content["calls"]))

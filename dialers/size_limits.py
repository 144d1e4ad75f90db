"""Limit on the length of a record, for an answer that never ends one."""


class RecordLimit:
    """Filter that cuts over-long records of an answer while it streams by.

    The rest of such a record has too few fields, so that it goes to the quarantine and the others are read.
    """

    def __init__(self, most: int, end: bytes) -> None:
        """Set the limit.

        Args:
            most: bytes of the longest record.
            end: the end of a record, ``\\r\\n`` or ``\\n`` alone.
        """
        self._most = most
        self._end = end
        self._length = 0
        """Bytes of the record at hand so far."""
        self._last = b""
        """First half of an end, if the last piece ended within one."""
        self.shortened = 0

    def filter(self, piece: bytes) -> bytes:
        """Return a piece without the excess of its records: nearly always all of it."""
        piece, self._last = self._last + piece, b""
        if len(self._end) > 1 and piece.endswith(self._end[:1]):
            piece, self._last = piece[:-1], self._end[:1]
        first, last = piece.find(self._end), piece.rfind(self._end)
        within = self._length + (first if first >= 0 else len(piece))
        if within <= self._most and (first < 0 or len(piece) - first <= self._most):
            self._length = within if first < 0 else len(piece) - last - len(self._end)
            return piece
        return self._end.join(self._shorten(record, at) for at, record in enumerate(piece.split(self._end)))

    def rest(self) -> bytes:
        """Return the bytes still held back when the body has ended."""
        return self._last

    def _shorten(self, record: bytes, at: int) -> bytes:
        before = 0 if at else self._length
        self.shortened += before <= self._most < before + len(record)
        self._length = before + len(record)
        return record[: max(self._most - before, 0)]

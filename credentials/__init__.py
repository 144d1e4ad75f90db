"""The credentials table: rows, their URLs, the sources they stand for, CSV imports and warnings."""

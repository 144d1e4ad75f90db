"""Rows on their way from a worker to the commit, as Parquet files in DATA_DIR/spool/<run>/."""

"""The emulator's process: ``python -m tests.bigquery.emulator_process PACKAGE_FOLDER --host … --port … --data-dir …``.

What follows the folder are the emulator's own options. It ends when its standard input does, so that it never
outlives the process that started it, however that one ended.
"""

import os
import sys
import threading
from importlib import import_module

from tests.bigquery.dataset_copies import serve_dataset_copies
from tests.bigquery.emulator_patches import (
    merge_as_bigquery_does,
    renew_views_as_bigquery_does,
    store_projects_in_plain_files,
    tell_of_conflicts_as_bigquery_does,
)
from tests.bigquery.emulator_speed import (
    keep_jobs_of_statements_in_memory,
    look_at_one_table_only,
    read_catalog_once_per_script,
)
from tests.bigquery.emulator_translations import parse_scripts_once, parse_statements_once, translate_statements_once
from tests.bigquery.older_python import edit_for_older_python


def end_with_standard_input() -> None:
    """Wait for the end of the standard input. The lock of ``sys.stdin`` would make an ordinary exit fail."""
    while os.read(0, 1024):
        pass
    os._exit(0)


def main(package_folder: str, options: list[str]) -> None:
    """Serve until SIGTERM or the end of the standard input."""
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    sys.path.append(package_folder)  # last: what both hold is taken from the environment that the tests run in
    edit_for_older_python()
    store_projects_in_plain_files()
    merge_as_bigquery_does()
    tell_of_conflicts_as_bigquery_does()
    renew_views_as_bigquery_does()
    look_at_one_table_only()
    read_catalog_once_per_script()
    keep_jobs_of_statements_in_memory()
    parse_scripts_once()
    parse_statements_once()
    translate_statements_once()
    serve_dataset_copies()
    import_module("local_bigquery.cli").main(options)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

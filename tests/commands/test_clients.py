"""The template of the clients' file, into which passwords are written, and the list of clients."""

import os
from pathlib import Path

import pytest

from commands.clients import client_lines, make_private
from config import Settings
from credentials.rows import source_key
from database import open_warehouse


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has modes of files")
def test_a_new_file_is_closed_to_others_and_one_with_content_is_left_alone(tmp_path: Path) -> None:
    for content, mode in (("", 0o600), ("kept", 0o644)):
        path = tmp_path / "clients.csv"
        path.write_text(content, encoding="utf-8")
        path.chmod(0o644)
        with path.open("a", encoding="utf-8") as file:
            make_private(file)
        assert path.stat().st_mode & 0o777 == mode


def test_rows_that_differ_only_in_parameters_of_their_url_are_told_apart(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", duckdb_path=tmp_path / "calls.duckdb")
    settings.data_dir.mkdir()
    warehouse = open_warehouse(settings)
    page = "http://d.example/vicidial/call_report_export.php?campaign[]="
    row = {"campaign": "Sales", "client_id": "1", "username": "report", "password": "hunter2"}
    rows = [row | {"url": page + "A"}, row | {"url": page + "B"}, row | {"url": page + "C", "enabled": "no"}]
    rows.append(row | {"url": "http://d.example/non_agent_api.php?user=u&pass=hunter2"})
    with warehouse.lease():
        warehouse.prepare()
        warehouse.put_credential_rows(rows, source_key)
    lines = client_lines(warehouse, settings)
    assert [line.split()[3:5] for line in lines[1:4]] == [[page + each, "call_report_export"] for each in "ABC"]
    assert "hunter2" not in "".join(lines)

"""A broken proxy or certificate file of this machine is named, and BigQuery is not blamed for it."""

from datetime import timedelta
from pathlib import Path

import pytest

from config import Settings
from errors import AuthoritiesUnusable, GoogleAccountMissing, WarehouseUnreachable
from shutdown import Stop
from warehouses.bigquery.rights import Right
from warehouses.bigquery.service import BigQueryService

LOOK = Right(purpose="look at the dataset", role="roles/bigquery.user", project="project")
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def plain_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def service(folder: Path, address: str) -> BigQueryService:
    settings = Settings(
        data_dir=folder, warehouse="bigquery", project_id="project", bigquery_emulator_host=address,
        bigquery_retry=timedelta(0), bigquery_request_timeout=timedelta(seconds=5),
    )  # fmt: skip
    return BigQueryService(settings, Stop())


@pytest.mark.parametrize("proxy", ["http://me:geheim@127.0.0.1:9", "socks5://me:geheim@127.0.0.1:9", "http://a b:x"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_of_the_machine_that_does_not_work_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, proxy: str, scheme: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(WarehouseUnreachable) as told:
        service(tmp_path, f"{scheme}://bigquery.invalid").catalog.find_dataset("project.d", LOOK)
    shown = proxy.replace("me:geheim@", "")
    assert f"the proxy {shown}, which ALL_PROXY names on this machine" in str(told.value)
    assert "geheim" not in str(told.value)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_of_authorities_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    bundle = tmp_path / "ca.pem"
    if content:
        bundle.write_text(content, encoding="utf-8")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(bundle))
    with pytest.raises(AuthoritiesUnusable, match="REQUESTS_CA_BUNDLE"):
        service(tmp_path, "https://bigquery.invalid").catalog.find_dataset("project.d", LOOK)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_key_file_with_a_byte_order_mark_is_named(tmp_path: Path, encoding: str) -> None:
    key = tmp_path / "key.json"
    key.write_text('{"type": "service_account"}', encoding=encoding)
    settings = Settings(data_dir=tmp_path, warehouse="bigquery", project_id="project", service_account_path=key)
    with pytest.raises(GoogleAccountMissing, match="byte order mark"):
        BigQueryService(settings, Stop()).catalog.find_dataset("project.d", LOOK)

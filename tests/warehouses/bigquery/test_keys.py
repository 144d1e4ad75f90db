"""The key file of a service account, replaced now and then under a running daemon."""

import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from config import Settings
from errors import GoogleAccountMissing
from shutdown import Stop
from warehouses.bigquery.service import BigQueryService


def write_key(path: Path, name: str) -> None:
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii")
    key = {
        "type": "service_account", "project_id": "my-project", "private_key_id": "1", "private_key": pem,
        "client_email": f"{name}@my-project.iam.gserviceaccount.com", "token_uri": "http://127.0.0.1:9/token",
    }  # fmt: skip
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(key), encoding="utf-8")
    os.replace(fresh, path)  # noqa: PTH105 - as a deployment puts a file in place of another


def test_a_key_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    write_key(path, "before")
    service = BigQueryService(Settings(service_account_path=path, data_dir=tmp_path), Stop())
    assert service.connection.account == "serviceAccount:before@my-project.iam.gserviceaccount.com"
    assert service.connection.client is service.connection.client
    write_key(path, "afterwards")
    assert service.connection.account == "serviceAccount:afterwards@my-project.iam.gserviceaccount.com"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(GoogleAccountMissing, match="is not a key file"):
        _ = service.connection.client
    write_key(path, "before")
    assert service.connection.account == "serviceAccount:before@my-project.iam.gserviceaccount.com"
    service.close()

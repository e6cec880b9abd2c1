"""A version served from the bucket that Vertex AI hands over."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.contract.cloud import Storage
from tests.contract.discovery import documents
from tests.contract.server import ContractServer, contract_server
from tests.memory import MemoryArtifacts
from tests.model.versions_of_chance import random_card, random_graph

from fsictl.cli.options import CommonOptions
from fsictl.cli.serve import _scorer
from fsictl.cli.session import Session
from fsictl.errors import InputError
from fsictl.model.versions import store_version

pytest.importorskip("google.cloud.storage", reason="no Google libraries: pip install 'fsictl[gcp]'")
pytestmark = pytest.mark.skipif(
    documents() is None, reason="no discovery documents: python scripts/environments.py contracts"
)


@pytest.fixture(name="server")
def server_here() -> Iterator[ContractServer]:
    with contract_server("storage.v1") as server:
        yield server
        assert server.violations == []


def test_the_container_scores_with_what_is_in_the_bucket(server: ContractServer) -> None:
    store, cloud = MemoryArtifacts(), Storage()
    store_version(store, random_card("v7"), keras_file=b"", graphs={"autoencoder": random_graph()})
    for file, data in store.stored["v7"].items():
        cloud.objects["copy-of-google", f"models/77/{file}"] = data
    cloud.serve(server)
    session = Session(CommonOptions(), {"FSICTL_GCP_ENDPOINT": server.address})
    assert _scorer(session, "champion", None, "gs://copy-of-google/models/77/").version == "v7"
    cloud.objects["copy-of-google", "models/77/autoencoder.onnx"] = b"other"
    with pytest.raises(InputError, match="is not the file that was stored"):
        _scorer(session, "champion", None, "gs://copy-of-google/models/77")
    with pytest.raises(InputError, match=r"there is no file gs://copy-of-google/models/8/card\.json"):
        _scorer(session, "champion", None, "gs://copy-of-google/models/8")

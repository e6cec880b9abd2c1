from __future__ import annotations

from fsictl.infra.protection import protected
from fsictl.infra.terraform import Resource


def _resource(kind: str, **values: object) -> Resource:
    return Resource(f"{kind}.x", kind, values)


def test_nested_and_listed_attributes_count_and_null_ones_do_not() -> None:
    found = protected(
        [
            _resource("google_sql_database_instance", settings=[{"deletion_protection_enabled": True}]),
            _resource("google_bigquery_table", deletion_protection=True),
            _resource("google_project", deletion_policy="PREVENT"),
            _resource("google_container_cluster", deletion_protection=False),
            _resource("terraform_data", triggers_replace=None, input=None),
        ]
    )
    assert found == ["google_bigquery_table.x", "google_project.x", "google_sql_database_instance.x"]


def test_a_bucket_and_a_dataset_are_protected_unless_their_contents_may_go() -> None:
    assert protected([_resource("google_storage_bucket", force_destroy=False)])
    assert protected([_resource("google_bigquery_dataset", delete_contents_on_destroy=None)])
    assert not protected([_resource("google_storage_bucket", force_destroy=True)])
    assert not protected([_resource("google_bigquery_dataset", delete_contents_on_destroy=True)])

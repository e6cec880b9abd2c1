"""What keeps data from being deleted: attributes of resources that Google Cloud or Terraform heed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fsictl.infra.terraform import Resource

_ON = {"deletion_protection": True, "deletion_protection_enabled": True, "deletion_policy": "PREVENT"}
_WHEN_NOT = {"google_storage_bucket": "force_destroy", "google_bigquery_dataset": "delete_contents_on_destroy"}
"""Buckets and datasets are deleted with what is in them only when this is true."""


def protected(resources: Iterable[Resource]) -> list[str]:
    """The addresses of those that cannot be deleted as they are, or not with what is in them.

    >>> protected([Resource("a.b", "a", {"settings": [{"deletion_protection_enabled": True}]}),
    ...            Resource("google_storage_bucket.c", "google_storage_bucket", {"force_destroy": True})])
    ['a.b']
    """
    return sorted(one.address for one in resources if _is_protected(one))


def _is_protected(resource: Resource) -> bool:
    contents = _WHEN_NOT.get(resource.type)
    if contents is not None and not resource.values.get(contents):
        return True
    return any(key in _ON and _ON[key] == value for key, value in _attributes(resource.values))


def _attributes(values: object) -> Iterator[tuple[str, object]]:
    """Every attribute in nested blocks, with its name."""
    if isinstance(values, Mapping):
        for key, value in values.items():
            if isinstance(value, Mapping | list):
                yield from _attributes(value)
            else:
                yield key, value
    elif isinstance(values, list):
        for value in values:
            yield from _attributes(value)

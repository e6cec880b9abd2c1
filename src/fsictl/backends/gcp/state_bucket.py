"""The bucket in which Terraform keeps its state.

Terraform cannot make it: it would need a state for that. Its name is taken worldwide, so one that somebody else
has is refused.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from fsictl.errors import FsictlError, MissingExtraError, PreconditionError, ServiceError, SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT_VERSIONS = 50
"""Older versions of the state that are kept, to go back to."""

LABELS = {"app": "fsictl", "component": "terraform-state"}


def make_state_bucket(name: str, *, project: str, region: str) -> bool:
    """Make the bucket, or put right what is there: versions kept, one access rule, never public. Whether it is new.

    Raises ``PreconditionError`` when there are no credentials or rights, or the name is somebody else's, and
    ``ServiceError`` when Cloud Storage does not answer.
    """
    try:
        from google.api_core.exceptions import Conflict
        from google.cloud import storage
    except ImportError:
        raise MissingExtraError(library="google-cloud-storage", extra="gcp") from None
    with _explained(name, project):
        client = storage.Client(project=project)
        bucket = storage.Bucket(client, name)
        _set_up(bucket)
        try:
            client.create_bucket(bucket, location=region)
        except Conflict:
            return _put_right(client, name)
        return True


def _set_up(bucket: Any) -> None:
    bucket.versioning_enabled = True
    bucket.iam_configuration.uniform_bucket_level_access_enabled = True
    bucket.iam_configuration.public_access_prevention = "enforced"
    bucket.labels = LABELS
    bucket.clear_lifecyle_rules()
    bucket.add_lifecycle_delete_rule(number_of_newer_versions=KEPT_VERSIONS, is_live=False)


def _put_right(client: Any, name: str) -> bool:
    bucket = client.get_bucket(name)
    _set_up(bucket)
    bucket.patch()
    return False


@contextlib.contextmanager
def _explained(name: str, project: str) -> Iterator[None]:
    """Turn what Google's client raises into what a person can act on."""
    from google.api_core import exceptions
    from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
    from requests.exceptions import RequestException

    try:
        yield
    except FsictlError:
        raise
    except DefaultCredentialsError as error:
        message = "Google Cloud does not know who you are: there are no credentials"
        hint = "Run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS."
        raise PreconditionError(message, hint=hint) from error
    except exceptions.Forbidden as error:
        message = f"the bucket {name} is somebody else's, or you may not make buckets in {project}"
        hint = "Ask an owner of the project for the role Storage Admin, or set another gcp.prefix."
        raise PreconditionError(message, hint=hint) from error
    except (exceptions.NotFound, exceptions.BadRequest) as error:
        message = f"the bucket {name} cannot be made in {project}: {error.message}"
        raise SettingsError(message, hint="Look at gcp.project, gcp.region and gcp.prefix.") from error
    except (exceptions.GoogleAPIError, GoogleAuthError, RequestException) as error:
        message = f"Cloud Storage did not answer as it should: {str(error).splitlines()[0][:200]}"
        raise ServiceError(message, hint="Run it again; look at the network if it stays so.") from error

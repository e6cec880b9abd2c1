"""How Google's control planes are called: where, as whom, how often again, and what their errors mean.

Everything here is REST. With the environment variable ``FSICTL_GCP_ENDPOINT`` every call goes to that address, and
with those of Google's emulators the calls of their services go to them; then there are no credentials.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fsictl.clock import Clock
from fsictl.errors import BusyError, FsictlError, MissingExtraError, PreconditionError, ServiceError, SettingsError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

ENDPOINT_VARIABLE = "FSICTL_GCP_ENDPOINT"

EMULATORS = ("PUBSUB_EMULATOR_HOST", "BIGQUERY_EMULATOR_HOST", "STORAGE_EMULATOR_HOST")
"""The variables by which Google's libraries find an emulator; calls to one have no credentials."""

TIMEOUT = 60.0
"""Seconds that one call may take."""

TRIES = 5
_FIRST_WAIT, _LONGEST_WAIT = 1.0, 30.0
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}
_TOO_MANY, _UNAVAILABLE = 429, {500, 502, 503, 504}


class CloudRefusedError(PreconditionError):
    """Google refuses: something in the project or in what was asked is not as it must be."""


class CloudUnavailableError(ServiceError):
    """Google cannot answer for now; the same call may succeed later."""


@dataclass(frozen=True)
class Access:
    """The project that is meant, and where and as whom its APIs are called."""

    project: str
    clock: Clock
    endpoint: str | None = None
    emulated: bool = False
    tries: int = TRIES

    @classmethod
    def of(cls, project: str | None, environment: Mapping[str, str], clock: Clock) -> Access:
        """From the setting ``gcp.project`` and the environment; ``SettingsError`` when there is no project."""
        if not project:
            message = "gcp.project is not set, but must be the id of a Google Cloud project"
            raise SettingsError(message, hint="Set it in fsictl.toml, or with FSICTL_GCP_PROJECT.")
        endpoint = environment.get(ENDPOINT_VARIABLE) or None
        if endpoint is not None and urlsplit(endpoint).hostname not in _LOOPBACK:
            message = f"{ENDPOINT_VARIABLE} is {endpoint!r}, but must be an address of this machine"
            raise SettingsError(message, hint="It is for tests: calls to it have no credentials. Unset it.")
        return cls(project, clock, endpoint, any(environment.get(name) for name in EMULATORS))

    @cached_property
    def credentials(self) -> Credentials:
        """Whom the calls are made as; ``CloudRefusedError`` when nobody is logged in."""
        with needs_gcp():
            import google.auth
            from google.auth.credentials import AnonymousCredentials
            from google.auth.exceptions import DefaultCredentialsError
        if self.endpoint is not None or self.emulated:
            return AnonymousCredentials()
        try:
            found, _ = google.auth.default(scopes=["https://www.googleapis.com/auth/cloud-platform"])
        except DefaultCredentialsError as error:
            raise _no_credentials() from error
        return found

    @cached_property
    def session(self) -> Any:
        """An HTTP session with these credentials."""
        with needs_gcp():
            from google.auth.transport.requests import AuthorizedSession
        return AuthorizedSession(self.credentials)

    def client(self, kind: Any) -> Any:
        """A client of that class (``google.cloud.dataflow_v1beta3.JobsV1Beta3Client``), over REST."""
        options = {} if self.endpoint is None else {"client_options": {"api_endpoint": self.endpoint}}
        return kind(credentials=self.credentials, transport="rest", **options)

    def request(
        self, verb: str, service: str, path: str, *, what: str, body: Any = None, query: Mapping[str, Any] | None = None
    ) -> Any:
        """Call ``https://SERVICE.googleapis.com/PATH`` and return the JSON of the answer.

        Raises what :meth:`call` raises. ``what`` says what is done, after "could not": ``list the quotas``.
        """
        address = f"{self.endpoint or f'https://{service}.googleapis.com'}/{path}"

        def ask() -> Any:
            from google.api_core.exceptions import from_http_response

            answer = self.session.request(verb, address, json=body, params=query, timeout=TIMEOUT)
            if answer.status_code >= 400:
                raise from_http_response(answer)
            return answer.json() if answer.content else None

        return self.call(ask, what, again=verb == "GET")

    def call(self, action: Callable[[], Any], what: str, *, again: bool = True) -> Any:
        """The result of a call, tried up to ``tries`` times while Google is busy or away.

        ``again`` says that doing it twice does no harm; without it only a call that Google did not begin is
        repeated (429). Raises ``CloudRefusedError``, ``BusyError`` or ``CloudUnavailableError``.
        """
        from google.api_core.exceptions import GoogleAPICallError
        from google.auth.exceptions import GoogleAuthError
        from requests.exceptions import RequestException

        wait = _FIRST_WAIT
        for left in reversed(range(self.tries)):
            try:
                return action()
            except (GoogleAPICallError, GoogleAuthError, RequestException) as error:
                known = meaning(error, what, self.project)
                code = getattr(error, "code", None)
                harmless = code == _TOO_MANY or (again and isinstance(known, CloudUnavailableError))
                if not left or not harmless or _is_lasting(error):
                    raise known from error
                self.clock.sleep(min(_asked_wait(error) or wait, _LONGEST_WAIT))
                wait *= 2
        raise AssertionError  # the last try returns or raises


@contextmanager
def needs_gcp() -> Iterator[None]:
    """Say which extra is missing when an import in the block fails."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise MissingExtraError(library=f"Google's library {error.name}", extra="gcp") from error


def meaning(error: Exception, what: str, project: str) -> FsictlError:
    """An error of Google's libraries as one of ours."""
    from google.auth.exceptions import DefaultCredentialsError, RefreshError
    from requests.exceptions import RequestException

    if isinstance(error, DefaultCredentialsError):
        return _no_credentials()
    if isinstance(error, RefreshError):
        message = f"the credentials of Google Cloud are no longer good: {_first_line(error)}"
        return CloudRefusedError(message, hint="Log in again: gcloud auth application-default login.")
    if isinstance(error, RequestException) or not hasattr(error, "code"):
        message = f"could not {what}: Google Cloud cannot be reached ({type(error).__name__})"
        hint = "Look at the network, the proxy and the firewall of this machine, then try again."
        return CloudUnavailableError(message, hint=hint)
    return _of_status(error, what, project)


def _of_status(error: Any, what: str, project: str) -> FsictlError:
    said, code, reason = _first_line(error.message), int(error.code or 0), _reason(error)
    if code == 403 and ("quota" in said.lower() or reason in {"RATE_LIMIT_EXCEEDED", "quotaExceeded"}):
        code = _TOO_MANY
    if code == 403 and (reason == "SERVICE_DISABLED" or "has not been used in project" in said):
        service = _metadata(error).get("service") or "the API"
        message = f"could not {what}: {service} is not enabled in the project {project}"
        return CloudRefusedError(message, hint=f"Enable it: gcloud services enable {service} --project {project}.")
    if code in _UNAVAILABLE:
        message = f"could not {what}: Google Cloud is not available ({code}: {said})"
        return CloudUnavailableError(message, hint="Try again in a few minutes; see status.cloud.google.com.")
    kind, message, hint = _SAYINGS.get(code, _SAYINGS[400])
    return kind(message.format(what=what, said=said), hint=hint.format(project=project))


_SAYINGS: dict[int, tuple[type[FsictlError], str, str]] = {
    400: (
        CloudRefusedError,
        "could not {what}: Google Cloud refuses: {said}",
        "Change what it names; `fsictl doctor --target gcp` checks the project and the region.",
    ),
    401: (
        CloudRefusedError,
        "could not {what}: Google Cloud does not know who asks",
        "Log in again: gcloud auth application-default login.",
    ),
    403: (
        CloudRefusedError,
        "you may not {what}: {said}",
        "`fsictl doctor --target gcp` says which permissions are missing, and what gives them.",
    ),
    404: (
        CloudRefusedError,
        "could not {what}: there is nothing of that name: {said}",
        "Look at gcp.project ({project}), gcp.region and gcp.prefix; `fsictl infra up` makes what is missing.",
    ),
    409: (
        BusyError,
        "could not {what}: {said}",
        "Look at `fsictl stream status`, then try again.",
    ),
    _TOO_MANY: (
        CloudUnavailableError,
        "could not {what}: a quota is used up: {said}",
        "Wait a minute and try again; if it stays, ask for more: console.cloud.google.com/iam-admin/quotas.",
    ),
}


def _no_credentials() -> CloudRefusedError:
    message = "there are no credentials of Google Cloud on this machine"
    hint = "Log in: gcloud auth application-default login; or set GOOGLE_APPLICATION_CREDENTIALS to a file of them."
    return CloudRefusedError(message, hint=hint)


def _first_line(said: object) -> str:
    line = (str(said).strip().splitlines() or ["no reason given"])[0]
    return re.sub(r"^(?:\d{3} )?(GET|POST|PUT|PATCH|DELETE) \S+: ", "", line).rstrip(".")[:300]


def _reason(error: Any) -> str | None:
    reason = getattr(error, "reason", None)
    return None if reason is None else str(reason)


def _metadata(error: Any) -> Mapping[str, str]:
    return getattr(error, "metadata", None) or {}


def _is_lasting(error: Exception) -> bool:
    """Whether waiting a little is no use: a quota by the day, or credentials that do not come."""
    said = str(error).lower()
    return "per day" in said or "has not been used in project" in said


def _asked_wait(error: Exception) -> float | None:
    """Seconds that the answer asks to wait: the header ``Retry-After``, or ``RetryInfo`` of gRPC."""
    for detail in getattr(error, "details", None) or ():
        if hasattr(detail, "retry_delay"):
            return float(detail.retry_delay.ToTimedelta().total_seconds())
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    asked = headers.get("retry-after", "")
    return float(asked) if re.fullmatch(r"\d+(\.\d+)?", asked) else None

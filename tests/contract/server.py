"""Google's APIs on this machine: refuses what their discovery documents do not know, and answers as a test says.

A reply is looked up by the method's id (``dataflow.projects.locations.jobs.list``). It is checked as the request is:
a test cannot answer what the real service could not.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.contract.discovery import Api, Method, api

STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ALREADY_EXISTS",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is an error, in Google's form."""

    code: int
    message: str
    reason: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The body."""
        error: dict[str, Any] = {"code": self.code, "message": self.message, "status": STATUS[self.code]}
        if self.reason is not None:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": self.reason}
            error["details"] = [{**info, "domain": "googleapis.com", "metadata": dict(self.metadata)}]
        return {"error": error}


@dataclass(frozen=True, slots=True)
class Request:
    """A request that its API knows: what a test may look at afterwards."""

    method: str
    path: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: Any
    media: bytes | None = None


Reply = Callable[[Request], "Mapping[str, Any] | Refusal | bytes"]


@dataclass(slots=True)
class Upload:
    """An upload that comes in pieces: the method, the request without its bytes, and what has come."""

    method: Method
    request: Request
    data: bytearray = field(default_factory=bytearray)


class Begun(dict[str, Any]):
    """The answer to the beginning of such an upload: where its pieces are to be put."""


@dataclass(slots=True)
class ContractServer:
    """What is served, what was asked, and what was wrong with it."""

    apis: list[Api]
    replies: dict[str, Reply] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    address: str = ""
    _uploads: dict[str, Upload] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reply(self, method: str, answer: Reply | Mapping[str, Any] | Refusal | bytes) -> None:
        """Answer that method so from now on; a method that no document has is a mistake of the test."""
        assert any(one.id == method for known in self.apis for one in known.methods), f"no method {method}"
        self.replies[method] = answer if callable(answer) else lambda _: answer

    def asked(self, method: str) -> list[Request]:
        """The requests of that method, oldest first."""
        return [one for one in self.requests if one.method == method]

    def answer(self, verb: str, target: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes, Any]:
        """Code, body and headers for a request."""
        query = parse_qs(urlsplit(target).query, keep_blank_values=True)
        with self._lock:
            if verb == "PUT" and "upload_id" in query:
                return self._piece(query["upload_id"][0], body, headers.get("content-range") or "")
            answer = self._answer(verb, target, query, body, headers.get("content-type") or "application/json")
        if isinstance(answer, Begun):
            return 200, b"", {"location": f"{self.address}{target}&upload_id={answer['id']}"}
        if isinstance(answer, bytes):
            return 200, answer, {"content-type": "application/octet-stream"}
        if isinstance(answer, Refusal):
            return answer.code, json.dumps(answer.document()).encode(), answer.headers
        return 200, json.dumps(answer).encode(), {}

    def _piece(self, upload_id: str, piece: bytes, content_range: str) -> tuple[int, bytes, Mapping[str, str]]:
        """A piece of an upload; the last one, which says how long all is, makes the request whole."""
        upload = self._uploads[upload_id]
        upload.data += piece
        if content_range.endswith("/*"):
            return 308, b"", {"range": f"bytes=0-{len(upload.data) - 1}"} if upload.data else {}
        request = replace(self._uploads.pop(upload_id).request, media=bytes(upload.data))
        self.requests.append(request)
        answer = self._replied(upload.method, request)
        if isinstance(answer, Refusal):
            return answer.code, json.dumps(answer.document()).encode(), answer.headers
        return 200, json.dumps(answer).encode(), {}

    def _answer(
        self, verb: str, target: str, query: Mapping[str, list[str]], body: bytes, content_type: str
    ) -> Mapping[str, Any] | Refusal | bytes:
        url = urlsplit(target)
        found = [
            (method, values)
            for known in self.apis
            for method in known.methods
            if (values := method.match(verb, url.path)) is not None
        ]
        if not found:
            return self._violated(f"there is no {verb} {url.path}", 404)
        method, values = min(found, key=lambda one: sum(map(len, one[1].values())))  # the one with most said literally
        problems = list(method.query_problems(query))
        document, media = None, None
        if body:
            try:
                document, media = _parts(body, content_type)
            except ValueError as error:
                return self._violated(f"{method.id}: the body cannot be read: {error}", 400)
            document = method.named(document)
            if method.request is None:
                problems.append(f"{method.id} takes no body")
            elif document is not None:
                problems += method.api.problems(method.request, document)
        elif method.request is not None and verb != "DELETE":
            problems.append(f"{method.id} needs a body")
        if problems:
            return self._violated(f"{method.id}: {'; '.join(problems)}", 400)
        request = Request(method.id, values, query, document, media)
        if query.get("uploadType") == ["resumable"]:
            begun = Begun(id=f"upload-{len(self._uploads)}")
            self._uploads[begun["id"]] = Upload(method, request)
            return begun
        self.requests.append(request)
        return self._replied(method, request)

    def _replied(self, method: Method, request: Request) -> Mapping[str, Any] | Refusal | bytes:
        if method.id not in self.replies:
            return self._violated(f"the test has no answer to {method.id}", 501)
        answer = self.replies[method.id](request)
        if isinstance(answer, Mapping):
            problems = list(method.api.problems(method.response or {"type": "object"}, answer))
            if problems:
                return self._violated(f"the answer to {method.id} is none of the service's: {'; '.join(problems)}", 500)
        return answer

    def _violated(self, what: str, code: int) -> Refusal:
        self.violations.append(what)
        return Refusal(code, what)


def _parts(body: bytes, content_type: str) -> tuple[Any, bytes | None]:
    """The JSON and the bytes of a body: an upload has both, or bytes only."""
    if content_type.startswith("multipart/related"):
        boundary = content_type.split("boundary=")[1].strip('"').encode()
        _, first, second, _ = body.split(b"--" + boundary)
        document = first.split(b"\r\n\r\n", 1)[1]
        media = second.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        return json.loads(document), media
    if not content_type.startswith("application/json"):
        return None, body
    return json.loads(body), None


@contextmanager
def contract_server(*names: str) -> Iterator[ContractServer]:
    """These APIs at a free port of this machine, until the end of the block."""
    served = ContractServer([api(name) for name in names])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one piece

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            code, answer, headers = served.answer(self.command, self.path, body, self.headers)
            self.send_response(code)
            for name, value in {"content-type": "application/json; charset=UTF-8", **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        served.address = f"http://localhost:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()

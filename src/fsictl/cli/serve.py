"""``fsictl model serve`` and ``fsictl model export``: a version for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fsictl.cli.models import need_version
from fsictl.cli.session import Session
from fsictl.errors import InputError, UsageError

if TYPE_CHECKING:
    from fsictl.model.versions import Scorer
    from fsictl.ports.artifacts import ReadableArtifacts

PORT = 8080


def serve(
    session: Session,
    version: Annotated[str, typer.Argument(help="A version, or champion or challenger.")] = "champion",
    folder: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Serve what model export --format onnx wrote.")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port; AIP_HTTP_PORT or 8080 without it.")] = None,
) -> None:
    """Score windows over HTTP until Ctrl-C, as a container of Vertex AI does.

    The routes come from AIP_HEALTH_ROUTE and AIP_PREDICT_ROUTE, else they are /health and /predict; a model folder
    may come from AIP_STORAGE_URI. In a container use --host 0.0.0.0.
    """
    from fsictl.dashboard.serve import serve as listen
    from fsictl.model.serving import Routes, serving_app

    environment = session.environment
    scorer = _scorer(session, version, folder, environment.get("AIP_STORAGE_URI"))
    routes = Routes.of(environment)
    chosen = port if port is not None else _port(environment.get("AIP_HTTP_PORT"))

    def ready(address: str) -> None:
        session.output.say(f"Version {scorer.version} scores at [bold]{address.rstrip('/')}{routes.predict}[/bold].")
        if session.output.as_json:
            session.output.lines([{"url": address, "model_version": scorer.version, "predict": routes.predict}])

    listen(serving_app(scorer, routes), host, chosen, ready)


def _scorer(session: Session, version: str, folder: Path | None, uri: str | None) -> Scorer:
    """What is to score: a folder's version, that of a bucket's folder, or one of the workspace."""
    if folder is None and not uri:
        return _from_workspace(session, version)
    if folder is None and uri and uri.startswith("gs://"):
        return _from_bucket(session, uri)
    place = folder or Path(str(uri).removeprefix("file://"))
    if "://" in str(uri).removeprefix("file://") and folder is None:
        message = f"AIP_STORAGE_URI {uri!r} is neither a folder of this machine nor one of a bucket"
        raise InputError(message, hint="Copy the exported folder into the container and name it with --folder.")
    from fsictl.backends.local.folder import FolderArtifacts

    return _alone(lambda name: FolderArtifacts(place, name))


def _from_bucket(session: Session, uri: str) -> Scorer:
    from fsictl.backends.gcp.control import Access
    from fsictl.backends.gcp.folder import GcsFolder

    # Reading objects needs no project: Vertex AI's copy is in a project of its own.
    project = session.settings.gcp.project or session.environment.get("GOOGLE_CLOUD_PROJECT") or "-"
    files = GcsFolder(Access.of(project, session.environment, session.clock), uri)
    return _alone(lambda name: files)


def _alone(files: Callable[[str], ReadableArtifacts]) -> Scorer:
    """The version that is alone in a folder, whose name is on its card."""
    from fsictl.model.card import read_card
    from fsictl.model.versions import CARD_FILE, Scorer, load_detector

    card = read_card(files("").get("", CARD_FILE))
    return Scorer(card, load_detector(files(card.version), card, card.detector))


def _port(text: str | None) -> int:
    if not text:
        return PORT
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        message = f"AIP_HTTP_PORT {text!r} is not a port"
        raise UsageError(message, hint="Give a number up to 65535, or use --port.")
    return int(text)


def _from_workspace(session: Session, version: str) -> Scorer:
    from fsictl.model.versions import load_scorer

    session.need_workspace()
    version = need_version(session, version)
    return load_scorer(session.artifacts, version)


def export(
    session: Session,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write.")],
    version: Annotated[str, typer.Argument(help="A version, or champion or challenger.")] = "champion",
    form: Annotated[str, typer.Option("--format", help="onnx, keras or savedmodel.")] = "onnx",
) -> None:
    """Write a version for other programs: scoring graphs with the card, or the network alone."""
    from fsictl.model.export import export_version
    from fsictl.model.versions import load_card

    session.need_workspace()
    version = need_version(session, version)
    card = load_card(session.artifacts, version)
    files = export_version(session.artifacts, card, form, out)
    session.output.say(f"Wrote version {card.version} to {out}: {', '.join(path.name for path in files)}.")
    session.output.document({"model_version": card.version, "files": [str(path) for path in files]})

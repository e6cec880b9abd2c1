"""``fsictl infra`` for the local target."""

from __future__ import annotations

from dataclasses import asdict

from fsictl.cli.confirmation import confirm
from fsictl.cli.pipelines import NAMES
from fsictl.cli.session import Session
from fsictl.errors import CheckFailedError
from fsictl.infra import local
from fsictl.infra.cloud import Verb
from fsictl.infra.draining import drain, running


class LocalInfra:
    """The verbs, on the workspace of a session."""

    def __init__(self, session: Session) -> None:
        self._session, self._root = session, session.root

    def plan(self, verb: Verb) -> None:
        """Say what the verb would do."""
        there = self._root.is_dir()
        names = [one.name for one in running(self._session.engine)] if there else []
        action = {Verb.UP: "keep" if there else "create", Verb.PARK: "keep", Verb.DOWN: "destroy"}[verb]
        rows = [{"action": action, "what": str(self._root)}] if there or verb is Verb.UP else []
        if verb is not Verb.UP:
            rows = [*({"action": "drain", "what": name} for name in names), *rows]
        self._session.output.rows(rows, {"action": "action", "what": "what"}, empty="Nothing is there.")

    def up(self) -> None:
        """Make the workspace, and check it."""
        made = local.make(self._root)
        found = local.findings(self._root)
        output = self._session.output
        if output.as_json:
            output.document({"made": made, "checks": [asdict(one) for one in found]})
        else:
            columns = {"what": "check", "ok": "ok", "found": "found", "do": "what to do"}
            output.rows([{**asdict(one), "do": "" if one.ok else one.do} for one in found], columns)
        wrong = [one.what for one in found if not one.ok]
        if wrong:
            message = f"the workspace is not as it should be: {', '.join(wrong)}"
            raise CheckFailedError(message, hint="The table says what to do.")
        output.say(f"{'Made' if made else 'Checked'} {self._root}. Next: [bold]fsictl stream start[/bold].")

    def park(self, timeout: float) -> None:
        """Drain and stop the pipelines; the data stays."""
        self._session.need_workspace()
        stopped = drain(self._session.engine, NAMES, timeout)
        said = f"Stopped: {', '.join(stopped)}." if stopped else "Nothing was running."
        self._session.output.say(f"{said} All data is kept; [bold]fsictl stream start[/bold] goes on.")
        self._session.output.document({"stopped": stopped})

    def down(self, timeout: float, *, yes: bool) -> None:
        """Drain and stop the pipelines, then remove the workspace."""
        output, session = self._session.output, self._session
        if not self._root.is_dir():
            output.say("Nothing is there.")
            output.document({"removed": None, "stopped": [], "bytes": 0})
            return
        local.check_removable(self._root)
        names = [one.name for one in running(session.engine)]
        size = local.size(self._root)
        said = f"This stops {', '.join(names)} and removes" if names else "This removes"
        output.say(f"{said} {self._root} with {size / 1e6:,.1f} MB: prices, metrics, verdicts, model versions.")
        if not confirm(session, "Remove it?", yes=yes):
            output.say("Nothing was changed.")
            return
        stopped = drain(session.engine, NAMES, timeout)
        local.check_unused(self._root, session.clock)
        local.remove(self._root)
        output.say(f"Removed {self._root}. The settings file stays.")
        output.document({"removed": str(self._root), "stopped": stopped, "bytes": size})

    def outputs(self) -> None:
        """Where things are."""
        self._session.need_workspace()
        from fsictl.backends.local.layout import Layout

        layout = Layout(self._root)
        found = {
            "target": "local",
            "workspace": str(self._session.workspace),
            "state": str(self._root),
            "warehouse": str(layout.warehouse),
            "topics": str(self._root / "topics"),
            "models": str(layout.models),
            "logs": str(self._root / "logs"),
        }
        output = self._session.output
        if output.as_json:
            output.document(found)
        else:
            output.rows(
                [{"name": key, "value": value} for key, value in found.items()], {"name": "what", "value": "where"}
            )

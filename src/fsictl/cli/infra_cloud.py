"""``fsictl infra`` for Google Cloud."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fsictl.backends.gcp.control import Access
from fsictl.backends.gcp.endpoint import deployed_models, undeploy
from fsictl.cli.confirmation import confirm
from fsictl.cli.infra_cost import cost_document, cost_of, month_of, prices_of, show_cost
from fsictl.cli.infra_view import Steps, interrupted, plan_document, said_in_full, show_plan, steps_of
from fsictl.cli.output import counted
from fsictl.cli.pipelines import NAMES
from fsictl.cli.session import Session
from fsictl.errors import FsictlError, InputError
from fsictl.infra import cloud
from fsictl.infra.billing import billing_now
from fsictl.infra.changes import totals
from fsictl.infra.cloud import Verb
from fsictl.infra.configuration import StateIn, declared, uses_backend, working_copy, write_variables
from fsictl.infra.cost import Estimate, Line
from fsictl.infra.deployment import deployment_of
from fsictl.infra.draining import drain, running
from fsictl.infra.program import find_program
from fsictl.infra.terraform import Plan, Resource, Terraform
from fsictl.infra.variables import Place, checked_place
from fsictl.template_files import template_folder

if TYPE_CHECKING:
    from fsictl.ports.engine import Engine, PipelineStatus

VARIABLES_FILE = "fsictl.tfvars"
"""Variables that every verb takes, beside ``fsictl.toml``: what is wanted stays written down."""

FOLDER = "terraform"


def place_of(session: Session) -> Place:
    """Where the settings want things on Google Cloud."""
    gcp = session.settings.gcp
    return checked_place(
        gcp.project,
        region=gcp.region,
        prefix=gcp.prefix,
        dataset=gcp.dataset,
        bucket=gcp.bucket,
        image_tag=gcp.image_tag,
        sink=gcp.sink,
    )


@contextmanager
def opened(session: Session, var_files: list[Path] | None, configuration: Path | None) -> Iterator[CloudInfra]:
    """Terraform in the working copy of this workspace, with its state open."""
    place = place_of(session)
    files = _variable_files(session, var_files)
    program = find_program(session.environment)
    session.make_workspace()
    state = StateIn(session.settings.gcp.state)
    source = (configuration or template_folder("terraform")).absolute()
    with working_copy(source, session.root / FOLDER, state) as folder:
        write_variables(folder, place.variables())
        terraform = Terraform(folder, program, session.environment, files, place.project, place.region)
        terraform.on_warning = lambda one: session.output.say(f"Warning: {one.sentence}.")
        terraform.on_failure = lambda errors, told: said_in_full(session.output, errors, told)
        terraform.on_interrupt = lambda number: interrupted(session.output, number)
        backend = {}
        if state is StateIn.BUCKET and uses_backend(folder):
            backend = {"bucket": state_bucket(place), "prefix": f"terraform/{place.prefix}"}
        try:
            session.output.say("Opening the state.")
            terraform.init(backend)
            yield CloudInfra(session, terraform, frozenset(declared(folder)))
        except KeyboardInterrupt:
            session.output.say("Stopped. What was done is in the state; run the same command to go on.")
            raise


def state_bucket(place: Place) -> str:
    """The bucket of Terraform's state; its name begins with the project, since names of buckets are taken worldwide."""
    return f"{place.project}-{place.prefix}-terraform"


def _variable_files(session: Session, given: list[Path] | None) -> list[Path]:
    """The files of variables, those that win last."""
    own = session.workspace / VARIABLES_FILE
    found = [own, Path(f"{own}.json")]
    files = [file for file in found if file.is_file()]
    for file in given or ():
        if not file.is_file():
            message = f"there is no file of variables {file}"
            raise InputError(message, hint="Give a file with one NAME = VALUE a line: --var-file FILE.")
        files.append(file.absolute())
    return files


class CloudInfra:
    """The verbs, on an open Terraform."""

    def __init__(self, session: Session, terraform: Terraform, known: frozenset[str]) -> None:
        self._session, self._terraform, self._known = session, terraform, known
        self._output = session.output

    def plan(self, verb: Verb) -> None:
        """Show what a verb would do."""
        with self._planned(verb) as plan:
            found = self._cost(plan)
            show_plan(self._output, plan, verb)
            if plan.is_empty:
                self._output.say("Nothing to do: everything is as it should be.")
            show_cost(self._output, found, short=True, parked=verb is Verb.PARK)
            self._output.document({**plan_document(plan, verb), "cost": cost_document(found)})

    def up(self, *, yes: bool) -> None:
        """Make everything that is missing."""
        with self._planned(Verb.UP) as plan:
            done = self._carried_out(plan, Verb.UP, yes=yes)
        if done is not None:
            self._output.document({**done, "outputs": self._terraform.outputs()})
            if not self._output.as_json and done["applied"]:
                self.outputs()
                self._output.say("Next: [bold]fsictl stream start --target gcp[/bold].")

    def park(self, *, timeout: float, without_jobs: bool, yes: bool) -> None:
        """Drain the streaming jobs and take away what costs money while idle."""
        engine = self._engine(without_jobs=without_jobs)
        with self._planned(Verb.PARK) as plan:
            done = self._carried_out(plan, Verb.PARK, yes=yes, engine=engine, timeout=timeout)
        if done is not None:
            self._output.say("Parked. All data is kept; [bold]fsictl infra up[/bold] brings it back.")
            self._output.document(done)

    def down(self, *, timeout: float, without_jobs: bool, unprotect: bool, yes: bool) -> None:
        """Drain, remove everything, and make sure of it."""
        engine = self._engine(without_jobs=without_jobs)
        there = self._terraform.resources()
        if not there:
            self._output.say("Nothing is there.")
            self._output.document({"verb": "down", "applied": False, "stopped": [], "undeployed": 0, **totals(())})
            return
        if not unprotect:
            cloud.check_unprotected(there)
        with self._planned(Verb.DOWN) as plan:
            done = self._carried_out(plan, Verb.DOWN, yes=yes, engine=engine, timeout=timeout, unprotect=unprotect)
        if done is not None:
            cloud.check_nothing_left(self._terraform)
            kept = self._session.settings.gcp.state == StateIn.BUCKET
            history = " The bucket of Terraform's state stays, with its history." if kept else ""
            self._output.say(f"Nothing is left.{history}")
            self._output.document(done)

    def outputs(self) -> None:
        """Show the outputs."""
        found = self._terraform.outputs()
        if self._output.as_json:
            self._output.document(found)
            return
        rows = [{"name": name, "value": _in_a_cell(value)} for name, value in found.items() if value not in (None, {})]
        self._output.rows(rows, {"name": "what", "value": "value"}, empty="Nothing is there yet: `fsictl infra up`.")

    def bill(self, *, without_jobs: bool) -> list[Line]:
        """What costs money at this moment; without the streaming jobs, and saying so, when they cannot be asked."""
        pipelines: list[PipelineStatus] = []
        models = 0
        try:
            engine = self._engine(without_jobs=without_jobs)
            if engine is not None:
                pipelines, models = engine.status(), len(self._on_endpoint(deployed_models))
        except FsictlError as error:
            self._output.say(f"Streaming jobs and models are not in it, they could not be asked: {error}. {error.hint}")
        prices = prices_of(self._session)
        return billing_now(
            self._terraform.resources(), pipelines, month_of(self._session, prices), prices, models=models
        )

    def unlock(self, lock: str) -> None:
        """Free the lock of a run that died."""
        self._terraform.unlock(lock)
        self._output.say("Freed. [bold]fsictl infra up[/bold] goes on from what is in the state.")
        self._output.document({"unlocked": lock})

    @contextmanager
    def _planned(self, verb: Verb) -> Iterator[Plan]:
        self._output.say("Planning.")
        with ExitStack() as stack:
            with Steps(self._output, self._terraform, "Looking at what is there", total=None):
                plan = stack.enter_context(cloud.planned(self._terraform, verb, self._known))
            yield plan

    def _carried_out(
        self,
        plan: Plan,
        verb: Verb,
        *,
        yes: bool,
        engine: Engine | None = None,
        timeout: float = 0.0,
        unprotect: bool = False,
    ) -> dict[str, Any] | None:
        """Show the plan, ask, drain and apply; what was done, ``None`` when the person said no."""
        names = [one.name for one in running(engine)] if engine is not None else []
        models = self._on_endpoint(deployed_models) if engine is not None else []
        show_plan(self._output, plan, verb)
        if verb is not Verb.DOWN and not plan.is_empty:
            show_cost(self._output, self._cost(plan), short=True, parked=verb is Verb.PARK)
        document = {
            "verb": verb.value,
            "applied": False,
            "stopped": list[str](),
            "undeployed": 0,
            **totals(plan.changes),
        }
        if plan.is_empty and not names and not models:
            self._output.say("Nothing to do: everything is as it should be.")
            return document
        if names:
            self._output.say(f"First these are drained: {', '.join(names)}.")
        if models:
            self._output.say(f"First {counted(len(models), 'model')} will be taken off the endpoint.")
        if not confirm(self._session, _QUESTIONS[verb], yes=yes):
            self._output.say("Nothing was changed.")
            return None
        if engine is not None:
            document["stopped"] = drain(engine, NAMES, timeout)
            document["undeployed"] = len(self._on_endpoint(undeploy)) if models else 0
        if verb is Verb.DOWN and unprotect:
            self._unprotect(plan.before)
            with cloud.planned(self._terraform, verb, self._known) as again:
                self._apply(again, verb)
        else:
            self._apply(plan, verb)
        return {**document, "applied": True}

    def _cost(self, plan: Plan) -> Estimate:
        """What is there after the plan costs."""
        return cost_of(self._session, deployment_of(plan.after))

    def _on_endpoint(self, action: Callable[[Access, str], list[str]]) -> list[str]:
        """What ``action`` says of the endpoint that Terraform made, nothing if it made none."""
        endpoint = self._terraform.outputs().get("endpoint")
        session = self._session
        if not endpoint:
            return []
        return action(Access.of(session.settings.gcp.project, session.environment, session.clock), str(endpoint))

    def _unprotect(self, there: Sequence[Resource]) -> None:
        with cloud.unprotecting(self._terraform, there, self._known) as plan:
            if plan is not None and not plan.is_empty:
                with Steps(self._output, self._terraform, "Taking the protection off", total=steps_of(plan)):
                    self._terraform.apply(plan)

    def _apply(self, plan: Plan, verb: Verb) -> None:
        with Steps(self._output, self._terraform, _DOING[verb], total=steps_of(plan)):
            self._terraform.apply(plan)
        self._output.say(f"Done: {counted(len(plan.changes), 'change')}.")

    def _engine(self, *, without_jobs: bool) -> Engine | None:
        """What runs the streaming jobs of the target, if it is to be asked."""
        return None if without_jobs else self._session.engine


_QUESTIONS = {
    Verb.UP: "Make these changes?",
    Verb.PARK: "Park it?",
    Verb.DOWN: "Destroy all of this, with its data?",
}
_DOING = {Verb.UP: "Making", Verb.PARK: "Parking", Verb.DOWN: "Destroying"}


def _in_a_cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return "\n".join(f"{key}: {one}" for key, one in value.items())
    if isinstance(value, list):
        return "\n".join(str(one) for one in value)
    return str(value)

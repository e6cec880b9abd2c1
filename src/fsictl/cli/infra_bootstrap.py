"""``fsictl infra bootstrap`` for Google Cloud."""

from __future__ import annotations

from fsictl.backends.gcp.state_bucket import make_state_bucket
from fsictl.cli.confirmation import confirm
from fsictl.cli.infra_cloud import place_of, state_bucket
from fsictl.cli.session import Session


def bootstrap_bucket(session: Session, *, yes: bool) -> None:
    """Make the bucket of the state, or see that it is there and as it should be."""
    place = place_of(session)
    name = state_bucket(place)
    session.output.say(f"This makes the bucket {name} in {place.region}, with versions kept and no public access.")
    if not confirm(session, "Make it?", yes=yes):
        session.output.say("Nothing was changed.")
        return
    made = make_state_bucket(name, project=place.project, region=place.region)
    said = "Made it" if made else "It is there already, and as it should be"
    session.output.say(f"{said}. Next: [bold]fsictl infra up --target gcp[/bold].")
    session.output.document({"bucket": name, "made": made})

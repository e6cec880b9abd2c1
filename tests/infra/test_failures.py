"""What is said of failures: their words are those of Terraform 1.11.4, the google provider and its APIs."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsictl.errors import BusyError, FsictlError, PreconditionError, ServiceError, SettingsError
from fsictl.infra.events import Diagnostic
from fsictl.infra.failures import KNOWN, Doing, explained, left_out

LOCKED = """Error message: resource temporarily unavailable
Lock Info:
  ID:        ee8a4322-84cc-1f2f-fa2d-a97d3f8d29fb
  Path:      terraform.tfstate
  Operation: OperationTypeApply
  Who:       anna@desk
  Version:   1.11.4
  Created:   2026-11-25 12:55:45.288328977 +0000 UTC
  Info:


Terraform acquires a state lock to protect the state from being written
by multiple users at the same time."""

NEWER = """Error message: Unsupported state file format: The state file uses format version 5, which is not supported by
Terraform 1.11.4. This state file was created by Terraform 2.0.1."""

SAID: list[tuple[str, str, str, type[FsictlError], str]] = [
    # summary, detail, address, error, a part of the sentence
    (
        "Error acquiring the state lock",
        LOCKED,
        "",
        BusyError,
        "locked by anna@desk since 2026-11-25 12:55:45 UTC (Apply)",
    ),
    ("Error acquiring the state lock", NEWER, "", PreconditionError, "newer Terraform"),
    (
        "Error acquiring the state lock",
        "Error message: 2 problems:\n\n- Unsupported state file format: The state file could not be parsed as JSON",
        "",
        PreconditionError,
        "is damaged",
    ),
    ("Resource instance managed by newer provider version", "The current state …", "", PreconditionError, "provider"),
    (
        "Error refreshing state: storage: bucket doesn't exist",
        "",
        "",
        PreconditionError,
        "bucket of Terraform's state does not exist",
    ),
    ("Saved plan is stale", "The given plan file can no longer be applied …", "", BusyError, "by somebody else"),
    (
        "No value for required variable",
        'The root module input variable "images" is not set. … variable "images"',
        "",
        SettingsError,
        "the variable images",
    ),
    (
        "Invalid value for variable",
        "A budget needs billing_account: the account that pays for the project.\n\nThis was checked by the validation",
        "",
        SettingsError,
        "no billing account is given",
    ),
    (
        "Invalid value for variable",
        "Messages wait 1 to 31 days.\n\nThis was checked by the validation rule at variables.tf:180,3-13.",
        "",
        SettingsError,
        "Messages wait 1 to 31 days",
    ),
    (
        (
            "Attempted to load application default credentials since neither `credentials` nor `access_token` was set"
            " in the provider block.  No credentials loaded. To use your gcloud credentials, run 'gcloud auth"
            " application-default login'"
        ),
        "google: could not find default credentials.",
        "",
        PreconditionError,
        "does not know who you are",
    ),
    (
        (
            "Error creating Topic: googleapi: Error 404: Requested project not found or user does not have access to"
            " it (project=demo-projct)."
        ),
        "",
        "google_pubsub_topic.t",
        SettingsError,
        "the project demo-project does not exist",
    ),
    (
        "Error creating Service: googleapi: Error 403: Project 'demo-project' not found or permission denied.",
        "",
        "",
        SettingsError,
        "does not exist, or you may not see it",
    ),
    (
        (
            "Error when reading or editing Project Service: googleapi: Error 400: Billing account for project '1' is"
            " not found. Billing must be enabled for activation of service(s) 'run.googleapis.com' to proceed."
        ),
        "",
        "",
        PreconditionError,
        "billing is off for the project demo-project",
    ),
    (
        (
            "Error creating Dataset: googleapi: Error 403: BigQuery API has not been used in project 1 before or it is"
            " disabled. Enable it by visiting …"
        ),
        "",
        "",
        ServiceError,
        "still off",
    ),
    (
        "Error creating WorkerPool: googleapi: Error 400: Location 'mars-west1' is not a valid location",
        "",
        "",
        SettingsError,
        "not to be had in the region europe-west1",
    ),
    (
        "Error creating Topic: googleapi: Error 409: Resource already exists in the project (resource=x).",
        "",
        "google_pubsub_topic.t",
        PreconditionError,
        "google_pubsub_topic.t exists already",
    ),
    (
        "Error creating instance: googleapi: Error 403: Quota 'CPUS' exceeded. Limit: 8.0 in region europe-west1.",
        "",
        "",
        ServiceError,
        "quota",
    ),
    (
        (
            "Error creating service account: googleapi: Error 403: Permission 'iam.serviceAccounts.create' denied on"
            " resource"
        ),
        "",
        "",
        PreconditionError,
        "you may not do that",
    ),
    (
        "Error creating Topic: googleapi: Error 503: The service is currently unavailable.",
        "",
        "",
        ServiceError,
        "did not answer",
    ),
    (
        "Failed to query available provider packages",
        (
            "Could not retrieve the list of available versions for provider hashicorp/google: could not connect to"
            " the registry"
        ),
        "",
        ServiceError,
        "could not get its provider",
    ),
    (
        "Instance cannot be destroyed",
        "Resource google_sql_database_instance.m has lifecycle.prevent_destroy set, but the plan calls for it",
        "",
        PreconditionError,
        "is protected",
    ),
]


@pytest.mark.parametrize(("summary", "detail", "address", "kind", "part"), SAID, ids=lambda value: str(value)[:40])
def test_what_people_meet_is_told_in_one_sentence(
    summary: str, detail: str, address: str, kind: type[FsictlError], part: str
) -> None:
    said = [
        Diagnostic("warning", "Value for undeclared variable", ""),
        Diagnostic("error", summary, detail, address),
    ]
    error = explained(said, Doing.PLAN, project="demo-project", region="europe-west1")
    assert type(error) is kind, error
    assert part in str(error)
    assert "\n" not in str(error) + error.hint
    assert not re.search(r"\{\w+\}", str(error) + error.hint)
    assert error.hint.endswith(".")


def test_every_known_failure_is_met_by_an_example() -> None:
    met = set()
    for summary, detail, address, _, _ in SAID:
        one = Diagnostic("error", summary, detail, address)
        met.add(next(known.pattern for known in KNOWN if known.match(one.text)))
    unmet = {known.pattern for known in KNOWN} - met
    # Words that others than ours can meet: a state that cannot be locked, protection that the provider names, files.
    assert len(unmet) <= 3, unmet


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(), st.text(), st.text(), st.sampled_from(Doing))
def test_whatever_is_said_becomes_one_sentence(summary: str, detail: str, address: str, doing: Doing) -> None:
    said = [Diagnostic("error", summary, f"{summary} {detail}", address)]
    error = explained(said, doing)
    assert isinstance(error, FsictlError)
    assert len(str(error).splitlines()) <= 1
    left_out(said, error)


def test_our_sentence_hides_nothing_that_it_does_not_say() -> None:
    lock = Diagnostic("error", "Error acquiring the state lock", LOCKED)
    cloud = Diagnostic("error", "Error creating Topic: googleapi: Error 409: exists", "Request id 1.\nMore.", "a.b")
    assert left_out([lock], explained([lock], Doing.PLAN)) == []
    assert left_out([cloud], explained([cloud], Doing.APPLY)) == [cloud]


def test_what_nobody_knows_is_told_as_it_was_said() -> None:
    error = explained([Diagnostic("error", "Something odd", "It broke.", "a.b")], Doing.APPLY)
    assert (type(error), str(error)) == (ServiceError, "a.b: Something odd: It broke")
    assert type(explained([], Doing.READ)) is PreconditionError

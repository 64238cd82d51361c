"""Scoring runs and the settings of scores over HTTP."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from marshmallow import fields, validate

from analytics.permissions import RUN, SCORES
from analytics.runs.operations import (
    ScoreSettings,
    ScoringRun,
    ScoringRunUnknown,
    current_settings,
    list_runs,
    publish_settings,
    read_run,
    request_run,
)
from analytics.runs.rules import HORIZON_MAX, KEEP_MAX, Origin, RunState, Step
from analytics.scores.contribution_settings import settings_from_json
from foundation.access import allow, current_principal
from foundation.database import Tx
from foundation.http import (
    Blueprint,
    PageArguments,
    Schema,
    first_page,
    id_in,
    id_of,
    idempotent,
    page_of,
    paged,
    transactional,
)
from foundation.http.fields import Words

runs_blueprint = Blueprint("scoring-runs", __name__, description="Scoring runs: contribution and potential of members")
HORIZON = validate.Range(1, HORIZON_MAX)


class ScoringRunIn(Schema):
    as_of = fields.Date(
        load_default=None,
        metadata={"description": "Exclusive: business dates before it are looked at; the company's today by default"},
    )
    horizon_days = fields.Integer(
        load_default=None,
        strict=True,
        validate=HORIZON,
        metadata={"description": "The days from as_of on that are predicted; by default as in the settings"},
    )


class FailureOut(Schema):
    code = fields.String(required=True)
    detail = fields.String(required=True)


class ScoringRunOut(Schema):
    """A run. `waiting`: no worker is at it yet. `progress` in percent; `position`: the event position that the lake was
    complete up to."""

    id = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(sorted({state.told for state in RunState})))
    waiting = fields.Boolean(required=True)
    step = fields.String(required=True, validate=validate.OneOf([step.value for step in Step]))
    progress = fields.Integer(required=True)
    as_of = fields.Date(required=True)
    horizon_days = fields.Integer(required=True)
    origin = fields.String(required=True)
    requested_at = fields.AwareDateTime(required=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    finished_at = fields.AwareDateTime(required=True, allow_none=True)
    attempt = fields.Integer(required=True)
    position = fields.Integer(required=True, allow_none=True)
    complete_until = fields.AwareDateTime(required=True, allow_none=True)
    settings_version = fields.Integer(required=True, allow_none=True)
    settings = fields.Dict(required=True)
    versions = fields.Dict(required=True)
    failure = fields.Nested(FailureOut, required=True, allow_none=True)
    files_kept = fields.Boolean(required=True)
    findings = fields.Dict(
        required=True,
        allow_none=True,
        metadata={
            "description": "Classes, map, moves, concentration, back-tests, seconds by step. Null in lists, and for "
            "whoever acts in some stores only"
        },
    )


class SettingsIn(Schema):
    contribution = fields.Dict(required=True, metadata={"description": "Weights, window, thresholds, point costs"})
    horizon_days = fields.Integer(required=True, strict=True, validate=HORIZON)
    keep_days = fields.Integer(required=True, strict=True, validate=validate.Range(1, KEEP_MAX))
    note = Words(load_default="")


class SettingsOut(Schema):
    """`version` 0: the defaults, nothing was published yet."""

    version = fields.Integer(required=True)
    contribution = fields.Dict(required=True)
    horizon_days = fields.Integer(required=True)
    keep_days = fields.Integer(required=True)
    note = fields.String(required=True)
    published_by = fields.String(required=True)
    published_at = fields.AwareDateTime(required=True, allow_none=True)


@runs_blueprint.route("/scoring-runs", methods=["POST"])
@allow(RUN)
@idempotent
@runs_blueprint.arguments(ScoringRunIn)
@runs_blueprint.response(202, ScoringRunOut)
def post_scoring_run(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Score every member as of a date. The same run that is waiting or under way already is answered again.

    What a run finds counts for the whole company: whoever acts in some stores only is refused.
    """
    principal = current_principal()
    principal.require_everywhere()
    run, _ = request_run(tx, body["as_of"], body["horizon_days"], Origin.REQUEST, principal.actor)
    return run_body(run), 202, {"Location": f"/v1/scoring-runs/{run.id}"}


@runs_blueprint.route("/scoring-runs/<run>", methods=["GET"])
@allow(SCORES)
@transactional
@runs_blueprint.response(200, ScoringRunOut)
def get_scoring_run(tx: Tx, run: str) -> dict[str, Any]:
    """How far a run is, and what it found: that is about the whole company, and for whoever acts everywhere."""
    return run_body(read_run(tx, run_id_of(run)), findings=current_principal().places is None)


@runs_blueprint.route("/scoring-runs", methods=["GET"])
@allow(SCORES)
@transactional
@runs_blueprint.arguments(PageArguments, location="query")
@runs_blueprint.response(200, page_of(ScoringRunOut))
def get_scoring_runs(tx: Tx, query: Mapping[str, Any]) -> Any:
    """Runs, the newest first."""
    runs = list_runs(tx, query["limit"] + 1, id_in(query["cursor"]))
    shown, following = first_page(runs, query["limit"], lambda run: run.id)
    return paged([run_body(run) for run in shown], following)


@runs_blueprint.route("/score-settings", methods=["GET"])
@allow(SCORES)
@transactional
@runs_blueprint.response(200, SettingsOut)
def get_score_settings(tx: Tx) -> dict[str, Any]:
    """The settings that the next run follows."""
    return settings_body(current_settings(tx))


@runs_blueprint.route("/score-settings", methods=["POST"])
@allow(RUN)
@idempotent
@runs_blueprint.arguments(SettingsIn)
@runs_blueprint.response(201, SettingsOut)
def post_score_settings(tx: Tx, body: Mapping[str, Any]) -> Any:
    """Publish a new version. Runs asked for from now on follow it; what was scored keeps the version it had.

    It holds for the whole company: whoever acts in some stores only is refused.
    """
    current_principal().require_everywhere()
    published = publish_settings(
        tx,
        settings_from_json(body["contribution"]),
        body["horizon_days"],
        body["keep_days"],
        body["note"],
        current_principal().name,
    )
    return settings_body(published), 201


def run_id_of(text: str) -> int:
    """The id in an address. Raises ScoringRunUnknown for what cannot be one."""
    return id_of(text, ScoringRunUnknown("There is no such scoring run"))


def run_body(run: ScoringRun, *, findings: bool = False) -> dict[str, Any]:
    """A run as the API shows it."""
    failure = {"code": run.failure_code, "detail": run.failure_detail} if run.failure_code is not None else None
    return {
        "id": str(run.id),
        "state": run.state.told,
        "waiting": run.state is RunState.QUEUED,
        "step": run.step.value,
        "progress": run.progress,
        "as_of": run.as_of,
        "horizon_days": run.horizon_days,
        "origin": run.origin.value,
        "requested_at": run.requested_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "attempt": run.attempt,
        "position": run.position,
        "complete_until": run.complete_until,
        "settings_version": run.settings_version,
        "settings": run.settings,
        "versions": run.versions,
        "failure": failure,
        "files_kept": run.state is RunState.DONE and run.files_removed_at is None,
        "findings": run.findings if findings else None,
    }


def settings_body(settings: ScoreSettings) -> dict[str, Any]:
    """Settings as the API shows them."""
    return {
        "version": settings.version,
        "contribution": settings.contribution.as_json(),
        "horizon_days": settings.horizon_days,
        "keep_days": settings.keep_days,
        "note": settings.note,
        "published_by": settings.published_by,
        "published_at": settings.published_at,
    }


def date_or_none(text: str) -> date | None:
    """A day out of an address, None if it is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None

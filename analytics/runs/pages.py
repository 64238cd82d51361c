"""Pages of scoring runs: start one, watch it, see what it found and by which models; and the settings of scores."""

from collections.abc import Mapping
from typing import Any

import flask

from analytics.permissions import RUN, SCORES
from analytics.runs.findings import Findings, findings_from_json
from analytics.runs.http import run_id_of
from analytics.runs.operations import (
    ScoreSettings,
    current_settings,
    list_runs,
    list_settings,
    open_run,
    read_run,
)
from analytics.runs.rules import HORIZON_MAX, KEEP_MAX, Origin, RunState, Step
from analytics.scores.model_tests import ModelTest
from analytics.scores.reason_words import reason_words
from analytics.scores.words import model_words
from foundation.access import allow, current_principal
from foundation.clock import local_date
from foundation.database import Tx
from foundation.http import Pages, first_page, id_in, transactional
from foundation.pages import gettext, lazy, render
from foundation.pages.charts import Chart, Point, bars
from foundation.settings import get_settings

runs_pages = Pages("scoring_runs", __name__, url_prefix="/scoring-runs")

PAGE_SIZE = 25
STATE_WORDS: Mapping[RunState, tuple[Any, str]] = {
    RunState.QUEUED: (lazy("Waiting"), "info"),
    RunState.RUNNING: (lazy("Running"), "info"),
    RunState.DONE: (lazy("Done"), "good"),
    RunState.FAILED: (lazy("Failed"), "danger"),
}
STEP_WORDS: Mapping[str, Any] = {
    Step.WAITING: lazy("waiting for its turn"),
    Step.LAKE: lazy("bringing the sales up to date"),
    Step.CONTRIBUTION: lazy("working out contribution"),
    Step.POTENTIAL: lazy("trying models and predicting"),
    Step.CLASSES: lazy("sorting into classes"),
    Step.WRITING: lazy("writing the scores"),
    Step.DONE: lazy("finished"),
}
PART_WORDS: Mapping[str, Any] = {
    "lake": lazy("Sales brought up to date"),
    "contribution": lazy("Contribution"),
    "potential.read": lazy("Reading for potential"),
    "potential.direction": lazy("Directions"),
    "potential.fit": lazy("Fitting and testing models"),
    "potential.predict": lazy("Predicting"),
    "potential.categories": lazy("Change in what is bought"),
    "classes": lazy("Classes, moves, health"),
    "writing": lazy("Writing the files"),
}
ORIGIN_WORDS: Mapping[Origin, Any] = {
    Origin.REQUEST: lazy("by request"),
    Origin.NIGHTLY: lazy("every night"),
    Origin.COMMAND: lazy("from the terminal"),
}
TARGET_WORDS: Mapping[str, Any] = {"spend": lazy("Spend"), "probability": lazy("Probability of a purchase")}


@runs_pages.route("")
@allow(SCORES)
@transactional
def runs_page(tx: Tx) -> str:
    """All runs, the newest first; the one under way with its progress; a form to start one."""
    before = id_in(flask.request.args.get("cursor"))
    runs = list_runs(tx, PAGE_SIZE + 1, before)
    shown, following = first_page(runs, PAGE_SIZE, lambda run: run.id)
    settings = current_settings(tx)
    return render(
        "scoring_runs/list.html",
        runs=shown,
        under_way=open_run(tx),
        settings=settings,
        today=local_date(tx.now, get_settings().company_timezone),
        may_run=current_principal().may(RUN) and current_principal().places is None,
        next=f"/scoring-runs?cursor={following}" if following else "",
        first="/scoring-runs" if before is not None else "",
        horizon_max=HORIZON_MAX,
        **_words(),
    )


@runs_pages.route("/settings")
@allow(SCORES)
@transactional
def settings_page(tx: Tx) -> str:
    """Weights, thresholds and days, and which versions there were."""
    settings = current_settings(tx)
    return render(
        "scoring_runs/settings.html",
        settings=settings,
        weights=_weights(settings),
        facts=settings.contribution.as_json(),
        versions=list_settings(tx),
        may_run=current_principal().may(RUN) and current_principal().places is None,
        horizon_max=HORIZON_MAX,
        keep_max=KEEP_MAX,
    )


@runs_pages.route("/<run>")
@allow(SCORES)
@transactional
def run_page(tx: Tx, run: str) -> str:
    """One run: how far it is, or what it found, how long each part took, and which models it chose."""
    found = read_run(tx, run_id_of(run))
    # What was found is about the whole company: for whoever acts everywhere.
    shown = found.findings if current_principal().places is None else None
    findings = findings_from_json(shown) if shown is not None else None
    return render(
        "scoring_runs/run.html",
        run=found,
        findings=findings,
        parts=_parts(findings) if findings else [],
        seconds=_seconds_chart(findings) if findings else None,
        models=_models(findings) if findings else [],
        weights=found.settings.get("weights", {}),
        model_name=model_words,
        **_words(),
    )


def _words() -> dict[str, Any]:
    return {"state_words": STATE_WORDS, "step_words": STEP_WORDS, "origin_words": ORIGIN_WORDS}


def _weights(settings: ScoreSettings) -> dict[str, int]:
    """The four weights in whole percent, as people type them."""
    weights = settings.contribution.weights
    parts = {"spend": weights.spend, "visits": weights.visits, "profit": weights.profit, "regular": weights.regular}
    whole = sum(parts.values())
    return {name: round(100 * part / whole) for name, part in parts.items()}


def _parts(findings: Findings) -> list[tuple[Any, float]]:
    return [(PART_WORDS[name], findings.seconds[name]) for name in PART_WORDS if name in findings.seconds]


def _seconds_chart(findings: Findings) -> Chart:
    return bars(
        gettext("Seconds by part"),
        gettext("How long each part of the run took"),
        [Point(str(words), seconds) for words, seconds in _parts(findings)],
        say=lambda value: f"{value:.1f} s",
        columns=(gettext("Part"), gettext("Seconds")),
        sideways=True,
    )


def _models(findings: Findings) -> list[dict[str, Any]]:
    """The back-test of each currency, format and target: every model that was tried, the chosen one first."""
    groups: dict[tuple[str, str | None, str], list[ModelTest]] = {}
    for test in findings.back_tests:
        groups.setdefault((test.currency, test.format, test.target), []).append(test)
    return [
        {
            "currency": currency,
            "format": format_ or gettext("All formats together"),
            "whole": format_ is None,
            "target": target,
            "target_words": TARGET_WORDS.get(target, target),
            "tests": sorted(tests, key=lambda test: (not test.chosen, -(test.margin or 0.0))),
            "chosen": next((model_words(test.model) for test in tests if test.chosen), "–"),
            "margin": next((test.margin for test in tests if test.chosen), None),
            "reason": reason_words(next((test.reason for test in tests if test.chosen), "")),
            "days": tests[0].days,
            "horizon_days": tests[0].horizon_days,
            "members": max(test.members for test in tests),
        }
        for (currency, format_, target), tests in groups.items()
    ]

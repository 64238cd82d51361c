"""The figures to beat, through the lake and the scores as any retailer's sales go."""

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from analytics.lake.reading import open_lake
from analytics.prediction.trials import spearman
from analytics.scores.potential import Potential, potential
from foundation.database import Database
from tests.analytics.prediction import complete_journey
from tests.analytics.prediction.lakes import write_table

pytestmark = pytest.mark.slow


def scored(database: Database, lines: pa.Table) -> Potential:
    with database.transaction() as tx:
        write_table(tx, lines)
        with open_lake(tx, upto=complete_journey.AS_OF) as lake:
            return potential(lake, complete_journey.AS_OF, complete_journey.HORIZON_DAYS)


def test_eight_weeks_of_spend_are_predicted_better_than_the_figures_to_beat(database: Database) -> None:
    found, outcome = scored(database, complete_journey.lines()), complete_journey.outcome()
    members = found.members
    assert members["member_id"].to_pylist() == outcome.members.tolist()
    assert len(members) == complete_journey.HOUSEHOLDS
    predicted = members["predicted_spend"].to_numpy().astype(np.float64)
    chance = members["probability_alive"].to_numpy()
    actual = outcome.spend.astype(np.float64)
    figures = {
        "spearman": spearman(predicted, actual),
        "mae": np.abs(predicted - actual).mean() / 100,
        "total": predicted.sum() / actual.sum(),
        "auc": roc_auc_score(outcome.came, chance),
        "brier": ((chance - outcome.came) ** 2).mean(),
    }
    print(figures)
    assert figures["spearman"] >= 0.815
    assert figures["mae"] <= 116
    assert 0.85 < figures["total"] < 1.15
    assert figures["auc"] > 0.87
    assert abs(chance.mean() - outcome.came.mean()) < 0.02

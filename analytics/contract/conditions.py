"""What filters may ask of sales and scores: answers as sets of member ids, and the evidence for them.

Every function takes the open transaction first and reads only. Days are counted back from `today`, included. An answer
is as complete as the lake: `position` and `complete_until` say how far that is.

Errors: LakeDamaged (files of the lake are missing; retryable once they are made again).
"""

from analytics.conditions.answers import Answers, answer, evidence
from analytics.conditions.catalogue import CLASS_CHOICES, DIRECTION_CHOICES, MEASURES, SCORES
from analytics.conditions.lake_session import catch_up
from analytics.lake.reading import LakeDamaged

__all__ = [
    "CLASS_CHOICES",
    "DIRECTION_CHOICES",
    "MEASURES",
    "SCORES",
    "Answers",
    "LakeDamaged",
    "answer",
    "catch_up",
    "evidence",
]

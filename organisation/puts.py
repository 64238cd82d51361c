"""What a batch answers; the catalogue of pos_adapter answers in the same way, so it lives in foundation."""

from foundation.http.puts import BATCH_MAX, Done, Outcome, answer_each

__all__ = ["BATCH_MAX", "Done", "Outcome", "answer_each"]

"""Why a receipt was refused, in the reader's language, figures and all."""

import pytest
from flask import Flask
from flask_babel import force_locale

from pos_adapter.repairs.words import told_words

SAID = {
    "tenders come to 900, lines less coupons to -1000": "付款合计 900，明细减优惠券为 -1000",
    "line 2 sold 500, 700 would be back": "第 2 行售出 500，将退回 700",
    "must lie between 2000-01-01 and tomorrow": "必须在 2000-01-01 至明天之间",
    "There is no store S 9": "没有门店 S 9",
    "line numbers must differ": "行号不能重复",
    "100% of what nobody has words for": "100% of what nobody has words for",
    "": "",
}


@pytest.mark.parametrize(("said", "told"), SAID.items())
def test_a_refusal_is_told_in_the_reader_s_language(app: Flask, said: str, told: str) -> None:
    with app.test_request_context(), force_locale("zh"):
        assert told_words(said) == told
    with app.test_request_context():
        assert told_words(said) == said

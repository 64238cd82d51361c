"""What banks and wallet apps say is read in one's own language; what nobody knows stays as it was said."""

import pytest
from flask import Flask
from flask_babel import force_locale

from pos_adapter.payments.words import said, said_words


@pytest.mark.parametrize(
    ("text", "en", "zh"),
    [
        ("response code 51", "not enough money on the card (51)", "卡内余额不足 (51)"),
        ("response code 77", "response code 77", "应答码 77"),
        ("NOTENOUGH", "not enough money in the wallet app (NOTENOUGH)", "钱包余额不足 (NOTENOUGH)"),
        ("the acquirer did not answer", "the acquirer did not answer", "收单机构没有答复"),
        ("no_answer", "no answer", "没有答复"),
        ("Statement 14, line 3", "Statement 14, line 3", "Statement 14, line 3"),
    ],
)
def test_a_rail_s_words_in_both_languages(app: Flask, text: str, en: str, zh: str) -> None:
    with app.test_request_context():
        with force_locale("en"):
            assert said(text) == en
        with force_locale("zh"):
            assert said(text) == zh
            assert said_words().get(text, text) in (zh, text)


def test_nothing_said_is_nothing(app: Flask) -> None:
    with app.test_request_context():
        assert said(None) is None
        assert said("") == ""


def test_the_scripts_know_what_the_pages_know(app: Flask) -> None:
    with app.test_request_context(), force_locale("zh"):
        assert all(words == said(text) for text, words in said_words().items())

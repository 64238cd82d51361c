"""Whoever is refused something of the day reads why in their language."""

import ast
from collections.abc import Iterator
from pathlib import Path

import member_api.ledger.days
import pos_adapter.day
from tests.foundation.test_words import catalogues

PLACES = [*Path(pos_adapter.day.__file__).parent.glob("*.py"), Path(member_api.ledger.days.__file__)]


def _words_of(node: ast.AST) -> list[ast.expr]:
    """What a refusal or a fault says, where this is one."""
    if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
        return node.exc.args[:1]
    is_fault = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "FieldError"
    return node.args[1:2] if is_fault and isinstance(node, ast.Call) else []


def _refusals() -> Iterator[tuple[str, ast.expr]]:
    for path in PLACES:
        for node in ast.walk(ast.parse(path.read_text())):
            yield from ((f"{path.name}:{words.lineno}", words) for words in _words_of(node))


def test_every_refusal_of_the_day_has_its_chinese() -> None:
    found = dict(_refusals())
    # A figure in the sentence could not be translated: it stands in the facts.
    assert [place for place, words in found.items() if isinstance(words, ast.JoinedStr)] == []
    said = {words.value for words in found.values() if isinstance(words, ast.Constant)}
    assert len(said) > 15
    assert said - catalogues().keys() == set()

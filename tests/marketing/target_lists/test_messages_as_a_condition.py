"""How many messages a member received, as a condition and as the evidence for it."""

import pytest
from pyroaring import BitMap

from foundation.conditions import Condition, Operator
from foundation.database import Database
from marketing.messages.gate import pass_gate
from marketing.messages.operations import queue_messages
from marketing.messages.rules import Channel
from marketing.target_lists import history
from member_api.consents.rules import Channel as ConsentChannel
from tests.marketing.messages.factories import a_reader, a_template, a_wish, rules_of_sending


@pytest.mark.parametrize("few", [20_000, 0])
def test_of_the_members_asked_for_only(database: Database, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(history, "FEW", few)
    rules_of_sending(database)
    with database.transaction() as tx:
        first, second, third = (a_reader(tx, n, words={ConsentChannel.APP: True}) for n in (1, 2, 3))
        template = a_template(tx, channel=Channel.INBOX)
        wishes = [(first, "a"), (first, "b"), (second, "a")]
        queue_messages(tx, [a_wish(template, m, step=step, channel=Channel.INBOX) for m, step in wishes])
    with database.transaction() as tx:
        pass_gate(tx, Channel.INBOX)
    condition = Condition("messages", Operator.AT_LEAST, 1)
    with database.transaction(read_only=True) as tx:
        today = tx.now.date()
        (found,) = history.answer(tx, [condition], today)
        (facts,) = history.evidence(tx, [condition], today, BitMap([second, third]))
    assert set(found.ids) == {first, second}
    assert (facts.ids.to_pylist(), facts.values.to_pylist()) == ([second], [1])

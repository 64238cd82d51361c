"""Batches: each item is read, done and answered on its own, so that a bad one never blocks the rest.

    class StoreBatch(Schema):
        stores = EachItem(fields.Nested(StoreIn), required=True, validate=validate.Length(1, 1000))

gives the view a list whose items are loaded values or the DomainError that refuses them, and `batch_answer` makes of
the outcomes `{"results": [{"status": 201 | 200 | 4xx, "body" | "problem"}]}`, in order.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.utils import is_collection

from foundation.errors import DomainError, FieldError, Invalid, problem
from foundation.http.paging import Schema


class ItemUnreadable(Invalid):
    """An item of a batch does not have the shape it needs."""

    code = "invalid_item"


class EachItem(fields.List[Any]):
    """A list whose items are checked each on its own: a faulty one becomes the ItemUnreadable that says why."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        if not is_collection(value) or isinstance(value, Mapping):
            raise self.make_error("invalid")
        return [self._item(each, f"/{attr}/{place}", kwargs) for place, each in enumerate(value)]

    def _item(self, value: Any, pointer: str, options: Mapping[str, Any]) -> Any:
        try:
            return self.inner.deserialize(value, **options)
        except ValidationError as error:
            return ItemUnreadable("the item is not as it should be", errors=field_errors(error.messages, pointer))


class ItemResult(Schema):
    """What became of one item: its body where it was done, the problem where it was refused."""

    status = fields.Integer(required=True, metadata={"description": "201 made, 200 changed or already so, 4xx refused"})
    body = fields.Dict(keys=fields.String(), metadata={"description": "The thing as it is now"})
    problem = fields.Dict(keys=fields.String(), metadata={"description": "RFC 9457 problem document"})


class BatchResult(Schema):
    """One result an item, in the order of the items."""

    results = fields.List(fields.Nested(ItemResult), required=True)


def done(status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """The result of an item that was done."""
    return {"status": status, "body": dict(body)}


def refused(error: DomainError, pointer: str | None = None) -> dict[str, Any]:
    """The result of an item that was refused; its faults are placed below `pointer` unless they already are."""
    document = problem(error)
    for fault in document["errors"] if pointer is not None else ():
        if not (fault["pointer"] + "/").startswith(f"{pointer}/"):
            fault["pointer"] = f"{pointer}{fault['pointer']}"
    return {"status": document["status"], "problem": document}


def batch_answer(results: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"results": list(results)}


def field_errors(messages: Any, pointer: str = "") -> list[FieldError]:
    """The faults of a marshmallow ValidationError, each with its JSON pointer (RFC 6901)."""
    return list(_flat(messages, pointer))


def _flat(messages: Any, pointer: str) -> Iterable[FieldError]:
    if isinstance(messages, Mapping):
        for name, below in messages.items():
            step = "" if name in ("_schema", "value") else "/" + str(name).replace("~", "~0").replace("/", "~1")
            yield from _flat(below, pointer + step)
    elif isinstance(messages, str):
        yield FieldError(pointer, messages)
    else:
        for message in messages:
            yield from _flat(message, pointer)

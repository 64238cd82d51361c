"""Writing JSON: one encoder for every answer (dates as ISO 8601, UUIDs and decimals as text)."""

from typing import Any

import flask
import msgspec
from flask.json.provider import JSONProvider

_encoder = msgspec.json.Encoder(enc_hook=str, decimal_format="string", uuid_format="canonical")
_canonical = msgspec.json.Encoder(enc_hook=str, order="sorted")

encode = _encoder.encode
canonical = _canonical.encode


class MsgspecJson(JSONProvider):
    """Flask's JSON by msgspec."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return encode(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return msgspec.json.decode(s)

    def response(self, *args: Any, **kwargs: Any) -> flask.Response:
        return flask.Response(encode(self._prepare_response_obj(args, kwargs)), mimetype="application/json")

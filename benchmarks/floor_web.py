"""The bare route: Flask, no more than one function call a request, under the product's gunicorn settings.

`python -m benchmarks.floor_web` serves it on PORT.
"""

import logging
import threading
from typing import Any

import flask
import psycopg

from foundation.settings import Settings, get_settings
from regulars.running.web_server import WebServer

POST = "SELECT floor.post_sale(%s, %s, %s)"


class FloorServer(WebServer):
    """The product's server with another application."""

    def __init__(self, settings: Settings) -> None:
        self._database_url = settings.database_url
        super().__init__(settings)

    def load(self) -> Any:
        return floor_app(self._database_url)


def floor_app(database_url: str) -> flask.Flask:
    """One route. Each thread keeps a connection, the cheapest pool there is."""
    app = flask.Flask("floor")
    kept = threading.local()

    @app.post("/sales")
    def post_sale() -> flask.Response:
        connection: psycopg.Connection[Any] | None = getattr(kept, "connection", None)
        if connection is None:
            connection = kept.connection = psycopg.connect(database_url, autocommit=True)
        request = flask.request
        parameters = (
            request.headers["Authorization"],
            request.headers["Idempotency-Key"],
            request.get_data(as_text=True),
        )
        row = connection.execute(POST, parameters, prepare=True).fetchone()
        assert row is not None
        return flask.Response(row[0], 201, mimetype="application/json")

    @app.get("/healthz")
    def healthz() -> str:
        return "ok"

    return app


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    FloorServer(get_settings()).run()

"""Style sheets, scripts and pictures, served under addresses that change with their content and are kept for a year."""

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from mimetypes import guess_type
from pathlib import Path

import flask

from foundation.access.permissions import allow_anyone
from foundation.errors import NotFound

OWN = Path(__file__).parent / "static"
KEPT = "public, max-age=31536000, immutable"
COMPRESSED_FROM_BYTES = 1_000
SUFFIXES = frozenset({".css", ".js", ".svg", ".png", ".ico", ".woff2", ".webmanifest"})


class AssetUnknown(NotFound):
    """There is no such file."""

    code = "asset_unknown"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file and the digest that stands in its address."""

    path: Path
    digest: str


class Assets:
    """The files of an application: our own by name, those of a room below the room's name."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._assets = {
            f"{room}/{path.name}" if room else path.name: Asset(
                path, hashlib.sha256(path.read_bytes()).hexdigest()[:12]
            )
            for room, folder in {"": OWN, **folders}.items()
            for path in sorted(folder.iterdir())
            if path.suffix in SUFFIXES
        }

    def address(self, name: str) -> str:
        """Where a page finds the file `name`. Raises KeyError for a file that is not there, as a template's mistake."""
        return f"/static/{self._assets[name].digest}/{name}"

    def serve(self, name: str) -> flask.Response:
        """The file, compressed if the browser takes that. An old digest gets the present file. Raises AssetUnknown."""
        asset = self._assets.get(name)
        if asset is None:
            raise AssetUnknown("there is no such file")
        kind = guess_type(name)[0] or "application/octet-stream"
        accepts = "gzip" in flask.request.environ.get("HTTP_ACCEPT_ENCODING", "")
        content, encoding = _content(asset, compressed=accepts)
        response = flask.Response(content, content_type=f"{kind}; charset=utf-8" if kind.startswith("text/") else kind)
        response.headers["Cache-Control"] = KEPT
        response.headers["Vary"] = "Accept-Encoding"
        if encoding:
            response.headers["Content-Encoding"] = encoding
        return response


def asset_routes(assets: Assets) -> flask.Blueprint:
    """The one route that serves them."""
    routes = flask.Blueprint("assets", __name__)

    @routes.route("/static/<digest>/<path:name>")
    @allow_anyone
    def asset(digest: str, name: str) -> flask.Response:  # noqa: ARG001 - the digest only makes addresses differ
        return assets.serve(name)

    @routes.route("/favicon.ico")
    @allow_anyone
    def favicon() -> flask.Response:
        return assets.serve("icon.svg")

    return routes


@lru_cache(maxsize=128)
def _content(asset: Asset, *, compressed: bool) -> tuple[bytes, str | None]:
    content = asset.path.read_bytes()
    if compressed and len(content) >= COMPRESSED_FROM_BYTES and asset.path.suffix not in (".png", ".woff2"):
        return gzip.compress(content, 9), "gzip"
    return content, None

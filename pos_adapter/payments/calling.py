"""One HTTP call to the outside, bounded in time and size; whatever goes wrong is no answer."""

import time

import httpx

ANSWER_S = 10.0
ANSWER_BYTES_MAX = 64 * 1024


def call(url: str, content: bytes, content_type: str, answer_s: float) -> bytes | None:
    """POST a body and read the answer's; None where none came whole and in time, or not with status 200."""
    until = time.monotonic() + answer_s
    headers = {"Content-Type": content_type, "Accept-Encoding": "identity"}
    read = b""
    try:
        with (
            httpx.Client(timeout=answer_s, trust_env=False) as client,
            client.stream("POST", url, content=content, headers=headers) as answer,
        ):
            if answer.status_code != 200:
                return None
            for part in answer.iter_raw():
                read += part
                if len(read) > ANSWER_BYTES_MAX or time.monotonic() > until:
                    return None
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return read

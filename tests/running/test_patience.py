"""A sender that stands still does not keep a thread of the web server."""

import socket
import time
from collections.abc import Iterator

import pytest

from regulars.running.patience import PatientSocket

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_what_is_sent_is_read(pair: Pair) -> None:
    ours, theirs = pair
    theirs.sendall(b"sale")
    assert PatientSocket(ours).recv(100) == b"sale"


def test_a_sender_that_stands_still_counts_as_gone(pair: Pair) -> None:
    ours, theirs = pair
    patient = PatientSocket(ours, still_s=0.05, request_s=10)
    assert patient.recv(100) == b""
    theirs.sendall(b"late")
    patient.begin()
    assert patient.recv(100) == b""


def test_a_sender_that_trickles_has_so_long_for_a_request(pair: Pair) -> None:
    ours, theirs = pair
    patient = PatientSocket(ours, still_s=10, request_s=0.2)
    began = time.monotonic()
    for _ in range(1000):
        theirs.sendall(b".")
        time.sleep(0.01)
        if not patient.recv(1):
            break
    assert 0.2 <= time.monotonic() - began < 5


def test_each_request_has_its_own_time(pair: Pair) -> None:
    ours, theirs = pair
    patient = PatientSocket(ours, still_s=10, request_s=0.1)
    time.sleep(0.15)
    patient.begin()
    theirs.sendall(b"next")
    assert patient.recv(100) == b"next"

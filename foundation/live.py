"""Live streams: what happens is told to open pages at once, as server-sent events.

Events of topics that were declared `live` are published by the relay on a channel of their own (a store, say). Each web
process has one thread with one subscription; it writes to every open stream of that channel. A stream costs neither a
thread nor a database connection: once its headers are sent, the connection is taken over from the web server.

Nothing is lost: every event carries its position as the stream's id. A browser that comes back names the last one it
saw (`Last-Event-ID`) and is told what it missed; what the broker loses is read from the event table at the next
heartbeat.
Format: WHATWG HTML, "Server-sent events".
"""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

import flask
import msgspec
import redis
import structlog

from foundation.database import Database, database
from foundation.errors import BadRequest, Unavailable
from foundation.events import Event, Told, last_position, live_topics, read_events
from foundation.settings import get_settings

log = structlog.get_logger(__name__)

HEARTBEAT_S = 15.0
MISSED_MAX = 1_000
# Who was away for longer lists anew: its missed events are not looked for in the whole table.
MISSED_POSITIONS_MAX = 200_000
STREAMS_MAX = 1_000
WAITING_BYTES_MAX = 256 * 1024
PREFIX = "live:"
BROKER_AWAY_S = 1.0


class TooManyStreams(Unavailable):
    """This process holds as many streams as it may; ask again later, or poll."""

    code = "too_many_streams"


class LastEventUnreadable(BadRequest):
    """Last-Event-ID is the id of an event of this stream."""

    code = "last_event_id_unreadable"


class Message(msgspec.Struct, frozen=True, array_like=True):
    """One event as the broker carries it."""

    position: int
    topic: str
    facts: Mapping[str, Any]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Message]).decode


class Teller:
    """Publishes what the relay moved. A broker that is away costs the pages some seconds, never the relay its work."""

    def __init__(self, redis_url: str) -> None:
        self._broker = redis.Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1)
        self._away_until = 0.0

    def tell(self, told: Told) -> None:
        """Publish events, one message a channel."""
        if time.monotonic() < self._away_until:
            return
        by_channel: dict[str, list[Message]] = {}
        for position, topic, facts in told:
            by_channel.setdefault(live_topics()[topic](facts), []).append(Message(position, topic, facts))
        try:
            for channel, messages in by_channel.items():
                self._broker.publish(PREFIX + channel, _encode(messages))
        except (redis.RedisError, OSError) as error:
            self._away_until = time.monotonic() + BROKER_AWAY_S
            log.warning("live_not_told", cause=type(error).__name__)


@dataclass(slots=True, eq=False)
class Stream:
    """One open page. It was told everything up to `after` when it joined; `outlet` takes bytes, False once gone.

    `waiting` is what happens while it joins, None from then on.
    """

    channel: str
    shape: Callable[[Message], bytes | None]
    after: int
    outlet: Callable[[bytes], bool]
    waiting: list[Message] | None = field(default_factory=list)


@dataclass(slots=True)
class _Hub:
    """The streams of this process, and the thread that tells them."""

    home: Database
    streams: set[Stream] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    # Everything up to here was told; of what came later, `told` are the positions that were.
    read_until: int = 0
    told: set[int] = field(default_factory=set)
    thread: threading.Thread | None = None

    def check_room(self) -> None:
        """Raises TooManyStreams: asked before an answer begins, for one that has begun cannot become a refusal."""
        with self.lock:
            self._check_room()

    def _check_room(self) -> None:
        if len(self.streams) >= STREAMS_MAX:
            raise TooManyStreams("too many open pages; ask again in a moment")

    def join(self, stream: Stream) -> None:
        """Let a stream hear what happens from `stream.after` on. Raises TooManyStreams.

        What happens meanwhile waits until the stream was told what happened before.
        """
        with self.lock:
            self._check_room()
            self.streams.add(stream)
            if self.thread is None:
                self.read_until = stream.after
                self.thread = threading.Thread(target=self._run, name="live", daemon=True)
                self.thread.start()
        try:
            before, newest = self._read(stream.after)
        except BaseException:
            self.leave(stream)
            raise
        mine = [message for message in before if live_topics()[message.topic](message.facts) == stream.channel]
        with self.lock:
            self._write(stream, mine + [message for message in stream.waiting or () if message.position > newest])
            stream.after, stream.waiting = newest, None

    def leave(self, stream: Stream) -> None:
        with self.lock:
            self.streams.discard(stream)

    def tell(self, channel: str, messages: Sequence[Message]) -> None:
        """Write to the streams of a channel what they have not been told; forget those that are gone."""
        with self.lock:
            new = [m for m in messages if m.position > self.read_until and m.position not in self.told]
            self.told.update(message.position for message in new)
            for stream in [stream for stream in self.streams if stream.channel == channel]:
                if stream.waiting is None:
                    self._write(stream, [message for message in new if message.position > stream.after])
                else:
                    stream.waiting += new

    def _write(self, stream: Stream, messages: Sequence[Message]) -> None:
        frames = [frame for message in messages if (frame := stream.shape(message)) is not None]
        if frames and not stream.outlet(b"".join(frames)):
            self.streams.discard(stream)

    def _run(self) -> None:
        while True:
            try:
                self._follow()
            except (redis.RedisError, OSError) as error:
                log.warning("live_broker_lost", cause=type(error).__name__)
                time.sleep(BROKER_AWAY_S)
            except Exception:
                log.exception("live_failed")
                time.sleep(BROKER_AWAY_S)

    def _follow(self) -> None:
        broker = redis.Redis.from_url(get_settings().redis_url, socket_timeout=30, socket_connect_timeout=2)
        subscription = broker.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
        subscription.psubscribe(PREFIX + "*")
        beat = 0.0
        try:
            while True:
                found = subscription.get_message(timeout=1.0)
                if found is not None and isinstance(found["data"], bytes):
                    self.tell(found["channel"].decode().removeprefix(PREFIX), _decode(found["data"]))
                if time.monotonic() - beat >= HEARTBEAT_S:
                    beat = time.monotonic()
                    self.catch_up()
                    self._heartbeat()
        finally:
            subscription.close()
            broker.close()

    def _heartbeat(self) -> None:
        with self.lock:
            for stream in list(self.streams):
                if not stream.outlet(b": still here\n\n"):
                    self.streams.discard(stream)

    def catch_up(self) -> None:
        """Tell what the broker lost: events of the table that nobody was told."""
        messages, newest = self._read(self.read_until)
        for message in messages:
            self.tell(live_topics()[message.topic](message.facts), [message])
        with self.lock:
            self.read_until = max(self.read_until, newest)
            self.told = {position for position in self.told if position > self.read_until}

    def _read(self, since: int) -> tuple[list[Message], int]:
        """Live events after a position, at most 1,000, and up to where these are all there are."""
        with self.home.transaction(read_only=True) as tx:
            newest = last_position(tx)
            events = read_events(tx, since, MISSED_MAX, live_topics(), newest) if newest > since else []
        until = events[-1].position if len(events) == MISSED_MAX else newest
        return [Message(event.position, event.topic, event.facts) for event in events], until


_hub: _Hub | None = None
_hub_lock = threading.Lock()


def _the_hub() -> _Hub:
    global _hub
    with _hub_lock:
        if _hub is None:
            _hub = _Hub(database())
        return _hub


def frame(id: int, event: str, data: Any) -> bytes:
    """One server-sent event."""
    return f"id: {id}\nevent: {event}\ndata: ".encode() + _encode(data) + b"\n\n"


def stream(channel: str, shape: Callable[[Message], bytes | None], missed: Callable[[int], Sequence[Event]]) -> Any:
    """The response of a route that streams a channel; `shape` makes a message's frame, None to leave it out.

    `missed(position)` are the channel's events after a position, at most 1,000, read from the event table. Where more
    was missed, the page is told `reset` and asks for everything anew. Raises TooManyStreams, LastEventUnreadable.
    """
    hub, since = _the_hub(), _last_event_id()
    hub.check_room()
    with hub.home.transaction(read_only=True) as tx:
        newest = last_position(tx)
    opening = b"retry: 2000\n\n" + b"".join(_replay(shape, since, newest, missed))
    joined = Stream(channel, shape, newest, lambda _: True)
    taken_over = flask.request.environ.get("gunicorn.socket")
    if taken_over is None or not hasattr(taken_over, "hand_over"):
        return _response(_by_thread(hub, joined, opening))
    return _response(_by_hub(hub, joined, opening, taken_over, flask.request.environ["SERVER_PROTOCOL"]))


def _last_event_id() -> int | None:
    told = flask.request.headers.get("Last-Event-ID") or flask.request.args.get("last_event_id")
    if told is None:
        return None
    if not (told.isascii() and told.isdigit() and len(told) < 19):
        raise LastEventUnreadable("Last-Event-ID is not the id of an event of this stream")
    return int(told)


def _replay(
    shape: Callable[[Message], bytes | None], since: int | None, newest: int, missed: Callable[[int], Sequence[Event]]
) -> Iterator[bytes]:
    """What a page is told first: what it missed since it was here, or that it has to list anew."""
    if since is None:
        yield frame(newest, "hello", {"position": newest})
        return
    is_too_much = newest - since > MISSED_POSITIONS_MAX
    events = [] if is_too_much else [event for event in missed(since) if event.position <= newest]
    if is_too_much or len(events) >= MISSED_MAX:
        yield frame(newest, "reset", {"position": newest})
        return
    for event in events:
        if (told := shape(Message(event.position, event.topic, event.facts))) is not None:
            yield told


def _response(body: Iterator[bytes]) -> flask.Response:
    return flask.Response(
        body, mimetype="text/event-stream", headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )


def _by_hub(hub: _Hub, joined: Stream, opening: bytes, connection: Any, protocol: str) -> Iterator[bytes]:
    """The first bytes by the web server; then the connection is the hub's, and the thread is free."""
    yield opening
    outlet = _Outlet(connection.hand_over(), chunked=protocol != "HTTP/1.0")
    joined.outlet = outlet.write
    hub.join(joined)
    raise OSError(errno.ENOTCONN, "the connection was taken over by the live streams")


def _by_thread(hub: _Hub, joined: Stream, opening: bytes) -> Iterator[bytes]:
    """For servers whose connections cannot be taken over (the test client): the thread stays with the stream."""
    waiting: SimpleQueue[bytes] = SimpleQueue()

    def take(data: bytes) -> bool:
        waiting.put(data)
        return True

    joined.outlet = take
    hub.join(joined)
    try:
        yield opening
        while True:
            try:
                yield waiting.get(timeout=HEARTBEAT_S)
            except Empty:
                yield b": still here\n\n"
    finally:
        hub.leave(joined)


class _Outlet:
    """A connection that is written to without ever waiting; who does not take in what is told, is let go."""

    def __init__(self, connection: socket.socket, *, chunked: bool) -> None:
        connection.setblocking(False)
        self._connection = connection
        self._chunked = chunked
        self._waiting = b""

    def write(self, data: bytes) -> bool:
        """False once the reader is gone."""
        framed = b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data
        self._waiting += framed
        try:
            sent = self._connection.send(self._waiting)
            self._waiting = self._waiting[sent:]
        except BlockingIOError:
            pass
        except OSError:
            return self._close()
        return len(self._waiting) <= WAITING_BYTES_MAX or self._close()

    def _close(self) -> bool:
        self._connection.close()
        return False

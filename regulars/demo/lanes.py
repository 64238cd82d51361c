"""Several connections at once, each with its own queue, so that what belongs to one till stays in order.

Threads and not processes: making the bodies happens in Arrow and sending them in the kernel, both without the
interpreter's lock, so that one process keeps several connections busy with a tenth of a core each.
"""

from collections.abc import Callable
from queue import Empty, Full, Queue
from threading import Event, Thread

from regulars.demo.receipts import Batch

WAITING_MAX = 3
PATIENCE_S = 0.5


class Lanes:
    """One thread a lane, posting its batches in order. Use as a context; leaving it waits for all lanes.

    The first error of any lane stops every lane after the batch in hand, and is raised from `put` or on leaving.
    At most WAITING_MAX bodies wait in a lane, so a slow server slows the maker down and the lanes stay near each
    other in time.
    """

    def __init__(self, count: int, post: Callable[[Batch], None]) -> None:
        self._post = post
        self._stop = Event()
        self._errors: list[BaseException] = []
        self._queues: list[Queue[Batch | None]] = [Queue(WAITING_MAX) for _ in range(count)]
        self._threads = [
            Thread(target=self._run, args=(queue,), name=f"demo-lane-{at}", daemon=True)
            for at, queue in enumerate(self._queues)
        ]

    def __enter__(self) -> "Lanes":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is not None:
            self._stop.set()
        for queue in self._queues:
            self._hand_over(queue, None)
        for thread in self._threads:
            thread.join()
        if error is None:
            self._raise_first()

    def put(self, batch: Batch) -> None:
        """Queue a batch in its lane; waits while the lane is full. Raises the first error of any lane."""
        self._hand_over(self._queues[batch.lane], batch)
        self._raise_first()

    def _hand_over(self, queue: "Queue[Batch | None]", batch: Batch | None) -> None:
        while not self._stop.is_set():
            try:
                queue.put(batch, timeout=PATIENCE_S)
                return
            except Full:
                continue

    def _raise_first(self) -> None:
        if self._errors:
            raise self._errors[0]

    def _run(self, queue: "Queue[Batch | None]") -> None:
        while not self._stop.is_set():
            batch = self._next(queue)
            if batch is None:
                return
            try:
                self._post(batch)
            except BaseException as error:  # noqa: BLE001 - whatever stops one lane stops them all, and is raised there
                self._errors.append(error)
                self._stop.set()

    def _next(self, queue: "Queue[Batch | None]") -> Batch | None:
        while not self._stop.is_set():
            try:
                return queue.get(timeout=PATIENCE_S)
            except Empty:
                continue
        return None

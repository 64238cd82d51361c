"""Post the demo: places, catalogue, people, then every basket, over HTTP with tokens, by the routes all tills use."""

import time
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import Progress

from regulars.demo import state
from regulars.demo.catalogue import catalogue, promotions
from regulars.demo.connection import ClientLogin, Connection, DemoStopped, key_of
from regulars.demo.dates import last_business_date, today_in_store, weeks_until
from regulars.demo.follow_up import seed_follow_up
from regulars.demo.lanes import Lanes
from regulars.demo.people import card_number, members, staff
from regulars.demo.places import Places, counters_of, find_places
from regulars.demo.progress import Spoken, bars_on, timed
from regulars.demo.receipts import BATCH_SALES, Batch, batches, totals
from regulars.demo.report import DemoReport, Tally
from regulars.demo.source import Source, read_source

CONNECTIONS = 2
ITEMS_PER_REQUEST = 500
SCORES_APART = timedelta(days=28)
SCORES_AHEAD_DAYS = 56
PARTS = ("stores", "counters", "staff", "promotions", "products", "members", "sales")


def load_demo(
    base_url: str,
    home: Path,
    erp: ClientLogin,
    *,
    offset_weeks: int | None = None,
    baskets: int | None = None,
    connections: int = CONNECTIONS,
    batch_sales: int = BATCH_SALES,
    again: bool = False,
    follow_up: bool = False,
    console: Console | None = None,
) -> DemoReport:
    """Post the demo to the server at `base_url` and say what became of it.

    `erp` is a client with the scopes organisation.write, catalogue.write, members.write, clients.write and scores.run.
    The sales go with the token of a client of the loader's own that may do nothing but post sales.
    `offset_weeks`: None keeps the offset of an earlier run in this home, else moves the data to end last week; 0 leaves
    them in 2017. `baskets`: only the first so many in order of time, with the products and members in them. `again`:
    send everything, also what an earlier run has the answer for; as every key and receipt is the same on every run,
    this changes nothing. `follow_up`: make up a few tasks, too (the scopes tasks.* and staff.write).

    A load that was stopped goes on where it stopped. Items that the server refuses are counted, not raised.
    Raises DemoStopped when the server does not answer or refuses a whole request.
    """
    console = console or Console()
    started, cpu = time.monotonic(), time.process_time()
    with console.status("Reading the Complete Journey data"):
        whole = read_source()
        source = whole.first(baskets)
        places = find_places(whole.baskets)
    weeks = offset_of(home, offset_weeks)
    console.print(_opening(source, weeks))
    plan = state.Plan(weeks, len(source.baskets), connections, batch_sales)
    tally = Tally()
    with Connection(base_url, erp, connections=connections) as office, bars_on(console) as bars:
        poster = Poster(office, tally, bars, connections)
        _master_data(poster, whole, source, places, weeks)
        progress = _progress(base_url, home, office, plan, again=again)
        _sales(base_url, home, progress, source, places, tally, bars)
        _ask_for_scores(office, last_business_date(source.baskets.at, weeks) + timedelta(days=1), console)
    report = DemoReport(
        weeks,
        tuple(tally.part(what) for what in PARTS),
        len(source.lines.amount),
        totals(source.lines, source.baskets),
        tally.points,
        dict(tally.flags.most_common()),
        tally.refusals(),
        time.monotonic() - started,
        time.process_time() - cpu,
    )
    if report.complete:
        if follow_up:
            _follow_up(base_url, erp, source, whole, places, weeks, console)
        _write_loaded(home, report, len(source.baskets))
    return report


class Poster:
    """Posts lists of items to batch routes, several requests at once, and counts the answers."""

    def __init__(self, connection: Connection, tally: Tally, bars: Progress, connections: int) -> None:
        self._connection = connection
        self._tally = tally
        self._bars = bars
        self._connections = connections

    def post(self, what: str, method: str, path: str, items: Sequence[Any]) -> None:
        """Send the items as `{what: [...]}`; their order does not matter."""
        chunks = [items[at : at + ITEMS_PER_REQUEST] for at in range(0, len(items), ITEMS_PER_REQUEST)]
        bar = self._bars.add_task(what, total=len(items))

        def send(chunk: Sequence[Any]) -> None:
            body = msgspec.json.encode({what: chunk})
            reply = self._connection.send(method, path, body, key=key_of(body))
            self._bars.advance(bar, self._tally.count(what, reply))

        with timed(self._tally, what), ThreadPoolExecutor(self._connections) as pool:
            for done in [pool.submit(send, chunk) for chunk in chunks]:
                done.result()


def _master_data(poster: Poster, whole: Source, part: Source, places: Places, weeks: int) -> None:
    """All stores, staff and promotions; of a part only its products and members, made as the whole makes them."""
    poster.post("stores", "PUT", "/v1/stores/batch", places.stores)
    poster.post("counters", "PUT", "/v1/counters/batch", counters_of(places.busiest))
    poster.post("staff", "PUT", "/v1/staff/batch", staff(places))
    poster.post("promotions", "PUT", "/v1/promotions/batch", promotions(whole, weeks))
    products, enrolled = catalogue(whole), members(whole, weeks)
    if part is not whole:
        sold = {str(number) for number in np.unique(part.lines.product).tolist()}
        cards = {card_number(household) for household in np.unique(part.baskets.household).tolist()}
        products = [product for product in products if product.code in sold]
        enrolled = [member for member in enrolled if member.card in cards]
    poster.post("products", "PUT", "/v1/products/batch", products)
    poster.post("members", "POST", "/v1/members/batch", enrolled)


def _sales(
    base_url: str,
    home: Path,
    progress: state.Progress,
    source: Source,
    places: Places,
    tally: Tally,
    bars: Progress,
) -> None:
    """Post the receipts, a thread a lane; progress is written after each answer."""
    plan = progress.plan
    answered = list(progress.answered)
    bar = bars.add_task("sales", total=plan.baskets)
    spoken = Spoken(bars.console, plan.baskets)
    lock = Lock()
    till = Connection(base_url, ClientLogin(progress.client_id, progress.client_secret), connections=plan.lanes)

    def post(batch: Batch) -> None:
        count = tally.count("sales", till.send("POST", "/v1/sales/batch", batch.body, key=batch.key))
        with lock:
            answered[batch.lane] = batch.number + 1
            state.write_progress(home, msgspec.structs.replace(progress, answered=answered))
            spoken.advance(count)
        bars.advance(bar, count)

    made = batches(source, places, offset_weeks=plan.offset_weeks, lanes=plan.lanes, batch_sales=plan.batch_sales)
    with timed(tally, "sales"), till, Lanes(plan.lanes, post) as lanes:
        for batch in made:
            if batch.number < progress.answered[batch.lane]:
                tally.skip("sales", batch.sales)
                bars.advance(bar, batch.sales)
            else:
                lanes.put(batch)


def _follow_up(
    base_url: str, erp: ClientLogin, source: Source, whole: Source, places: Places, weeks: int, console: Console
) -> None:
    """The made-up tasks. The demo is whole without them: what is refused here is said, and no more."""
    cards = {card_number(household) for household in np.unique(source.baskets.household).tolist()}
    enrolled = [member for member in members(whole, weeks) if member.card in cards]
    with Connection(base_url, erp) as office:
        try:
            made = seed_follow_up(office, places.busiest.code, enrolled, weeks)
        except DemoStopped as stopped:
            console.print(f"No follow-up tasks were made up: {stopped}")
        else:
            console.print(f"{made} follow-up tasks were made up for members of {places.busiest.code}")


def _ask_for_scores(office: Connection, as_of: date, console: Console) -> None:
    """Have the members scored as of the day after the data end, and four weeks before it, so that pages tell of moves.

    The worker does it afterwards. A house that refuses has its demo all the same.
    """
    for day in (as_of - SCORES_APART, as_of):
        wish = {"as_of": day.isoformat(), "horizon_days": SCORES_AHEAD_DAYS}
        try:
            office.send("POST", "/v1/scoring-runs", wish, key=f"demo-scores-{day}")
        except DemoStopped as refused:
            console.print(f"Scores were not asked for: {refused}")
            return


def offset_of(home: Path, wished: int | None) -> int:
    """The offset asked for, else that of an earlier run in this home, else the one for today."""
    if wished is not None:
        return wished
    if (loaded := state.read_loaded(home)) is not None:
        return loaded.offset_weeks
    if (progress := state.read_progress(home)) is not None:
        return progress.plan.offset_weeks
    return weeks_until(today_in_store())


def _progress(base_url: str, home: Path, office: Connection, plan: state.Plan, *, again: bool) -> state.Progress:
    """How far an earlier run came with this plan in this database, else the beginning, with a client to post sales.

    A database that does not know the earlier run's client is another database.
    """
    earlier = state.read_progress(home)
    if earlier is not None and is_known(base_url, ClientLogin(earlier.client_id, earlier.client_secret)):
        if earlier.plan == plan and not again:
            return earlier
        beginning = msgspec.structs.replace(earlier, plan=plan, answered=[0] * plan.lanes)
    else:
        login = new_client(office, "Complete Journey tills", ["sales.post"], {})
        beginning = state.Progress(plan, login.client_id, login.client_secret, [0] * plan.lanes)
    state.write_progress(home, beginning)
    return beginning


def new_client(office: Connection, name: str, scopes: Sequence[str], binding: Mapping[str, str]) -> ClientLogin:
    """Make a client by `POST /v1/clients`. Its secret is told once: a lost answer means another client."""
    wish = {"name": name, "scopes": scopes, **binding}
    reply = office.send("POST", "/v1/clients", wish, key=str(uuid.uuid4()))
    made = msgspec.json.decode(reply.content)
    return ClientLogin(made["client_id"], made["client_secret"])


def is_known(base_url: str, login: ClientLogin) -> bool:
    """Whether the server gives this client a token."""
    with Connection(base_url, login) as connection:
        try:
            connection.check()
        except DemoStopped:
            return False
    return True


def _write_loaded(home: Path, report: DemoReport, baskets: int) -> None:
    state.write_loaded(
        home,
        state.Loaded(
            report.offset_weeks, datetime.now(UTC), baskets, report.lines, report.money.amount, round(report.seconds, 1)
        ),
    )


def _opening(source: Source, weeks: int) -> str:
    moved = f"moved by {weeks} weeks" if weeks else "on its own dates of 2017"
    return f"Complete Journey: {len(source.baskets):,} baskets, {len(source.lines.amount):,} lines, {moved}"

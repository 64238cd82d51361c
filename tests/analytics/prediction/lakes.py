"""A lake made of a whole table of lines at once, for data sets of real size."""

import pyarrow as pa

from analytics.lake.engine import open_engine
from analytics.lake.manifest import publish, read_state
from analytics.lake.writing import write_lines
from foundation.database import Tx
from foundation.settings import get_settings


def write_table(tx: Tx, lines: pa.Table) -> None:
    """Adds lines in the lake's schema, whose positions go on from where the lake stands."""
    state, settings = read_state(tx), get_settings()
    position = state.position + lines.num_rows
    with open_engine(settings) as engine:
        files = write_lines(engine, settings.lake, lines, state.position + 1, position)
    publish(tx, files, expected=state.position, position=position, complete_until=tx.now)

"""What the test of the killed exporter runs as processes of their own, on the house that REGULARS_HOME names."""

import json
import sys
import time

from analytics.lake.exporting import LakeBehind, bring_up_to
from analytics.lake.reading import open_lake
from analytics.lake.schema import SCHEMAS, FileKind
from foundation.database import database
from regulars.running.environment import database_at_hand


def export_for_ever() -> None:
    """Export as fast as there is something to export, until killed."""
    print("up", flush=True)
    while True:
        try:
            bring_up_to(database(), timeout_s=30)
        except LakeBehind:
            continue
        time.sleep(0.02)


def say_what_it_holds() -> None:
    """Rows and a digest of them for each table of the lake, whatever files they lie in; and what came to what."""
    digests = {}
    with database().transaction(read_only=True) as tx, open_lake(tx) as lake:
        for kind in FileKind:
            names = ", ".join(name for name in SCHEMAS[kind].names if name != "position")
            row = lake.sql(f"SELECT count(*) AS n, sum(hash({names}))::VARCHAR AS digest FROM {kind}").to_pylist()[0]
            digests[kind.value] = [row["n"], row["digest"]]
        types = lake.sql(
            "SELECT type, count(*) AS n, sum(amount)::BIGINT AS amount FROM lines GROUP BY type"
        ).to_pylist()
        mended = lake.sql("SELECT count(*) AS n FROM lines WHERE product_id IS NOT NULL").to_pylist()[0]["n"]
    print(
        json.dumps(
            {"tables": digests, "types": {row["type"]: [row["n"], row["amount"]] for row in types}, "mended": mended}
        )
    )


if __name__ == "__main__":
    with database_at_hand():
        {"export": export_for_ever, "digest": say_what_it_holds}[sys.argv[1]]()

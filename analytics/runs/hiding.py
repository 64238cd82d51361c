"""Whoever refuses profiling is anonymous to everything that is worked out of members."""

import pyarrow as pa

from analytics.lake.reading import Lake

# Anonymous lines first and by themselves: whoever asks for those only, reads little else.
HIDDEN = {
    "lines": """
        SELECT * FROM all_lines WHERE member_id IS NULL
        UNION ALL
        SELECT * FROM (SELECT * FROM all_lines WHERE member_id IS NOT NULL) ANTI JOIN refused ON id = member_id
        UNION ALL
        SELECT * REPLACE (NULL::BIGINT AS member_id)
        FROM (SELECT * FROM all_lines WHERE member_id IS NOT NULL) SEMI JOIN refused ON id = member_id
    """,
    "member_day": "SELECT * FROM all_member_day ANTI JOIN refused ON id = member_id",
    "member_category_month": "SELECT * FROM all_member_category_month ANTI JOIN refused ON id = member_id",
}


def hide_members(lake: Lake, member_ids: list[int]) -> int:
    """To a score, whoever refuses profiling is anonymous: their sales count, they do not. Returns how many they are."""
    if member_ids:
        lake.duck.register("refused", pa.table({"id": pa.array(member_ids, pa.int64())}))
        for view, rows in HIDDEN.items():
            lake.duck.execute(f"ALTER VIEW {view} RENAME TO all_{view}")
            lake.duck.execute(f"CREATE VIEW {view} AS {rows}")
    return len(member_ids)

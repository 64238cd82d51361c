"""Storage of expectations (migration 0036)."""

from sqlalchemy import ARRAY, BigInteger, Column, Date, Integer, Table, Text

from analytics.schema import metadata

expected_category = Table(
    "expected_category",
    metadata,
    Column("currency", Text, primary_key=True),
    Column("format", Text, primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("as_of", Date, nullable=False),
    Column("spend_from", BigInteger, nullable=False),
    Column("members", BigInteger, nullable=False),
    Column("categories", ARRAY(Integer), nullable=False),
)

"""The PostgreSQL schema of this package; nobody else reads or writes it."""

from sqlalchemy import MetaData

metadata = MetaData(schema="analytics")

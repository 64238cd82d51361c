"""Every table the packages map, gathered for the check that the mapping and the database agree."""

import importlib
import pkgutil

from sqlalchemy import MetaData, Table

PACKAGES = ("foundation", "organisation", "member_api", "pos_adapter", "analytics", "marketing")


def all_metadata() -> list[MetaData]:
    """The MetaData of every `tables` room in the house, each once, in the order of the packages."""
    found: list[MetaData] = []
    for package in PACKAGES:
        paths = importlib.import_module(package).__path__
        for room in pkgutil.walk_packages(paths, prefix=f"{package}."):
            if room.name.rpartition(".")[2] != "tables":
                continue
            for value in vars(importlib.import_module(room.name)).values():
                if isinstance(value, Table) and all(value.metadata is not known for known in found):
                    found.append(value.metadata)
    return found

"""Celery entry points of the repairs; any of them may run twice."""

from foundation.database import database
from foundation.queues import queue
from pos_adapter.repairs.flagged import link_new_products

LINK_NEW_PRODUCTS = "pos.link_new_products"


@queue.task(name=LINK_NEW_PRODUCTS)
def link_new_products_task(product_ids: list[int]) -> None:
    link_new_products(database(), product_ids)

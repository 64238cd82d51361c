"""What the department store sells: products of the counters that have some, promotions, and what a piece costs.

A counter without products types its prices, as concessions do: its lines carry the counter and an amount, and take
category and brand from the counter.
"""

from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any

from regulars.demo.chance import SEED
from regulars.demo.department.building import (
    ANNIVERSARY,
    CONCESSION,
    COUNTERS,
    CURRENCY,
    FORMAT,
    OWN,
    STORE,
    Counter,
)
from regulars.demo.department.calendar import Calendar
from regulars.demo.people import ean13

PRODUCTS_A_COUNTER = 10
IN_STORE_PREFIX = "22"
# What the store pays for its own goods, tax included, as a share of the price.
COST_SHARES = (0.46, 0.62)
THRESHOLD, MEMBER_PRICE, OPENING = "YZ-300-40", "YZ-MEMBER", "YZ-AUTUMN"
THRESHOLD_SPEND, THRESHOLD_OFF = 30_000, 4_000
MEMBER_PERCENT = 5
SUPPLIER_SHARE = "0.4"
# Kinds of goods by the first part of a category: in Chinese and in English.
KINDS: dict[str, tuple[str, ...]] = {
    "BEAUTY": ("面霜 Cream", "精华 Serum", "口红 Lipstick", "香水 Fragrance", "面膜 Mask", "洁面 Cleanser"),
    "JEWELLERY": ("项链 Necklace", "耳钉 Ear studs", "手链 Bracelet", "戒指 Ring", "腕表 Watch"),
    "BAGS": ("手提包 Handbag", "双肩包 Rucksack", "钱包 Purse", "皮带 Belt", "卡包 Card case"),
    "WOMEN": ("大衣 Coat", "连衣裙 Dress", "针织衫 Jumper", "衬衫 Blouse", "丝巾 Scarf", "牛仔裤 Jeans"),
    "MEN": ("西装 Suit", "夹克 Jacket", "衬衫 Shirt", "羊毛衫 Pullover", "长裤 Trousers", "内衣 Vest"),
    "SHOES": ("短靴 Boots", "单鞋 Pumps", "皮鞋 Brogues", "休闲鞋 Loafers"),
    "SPORT": ("跑鞋 Running shoes", "冲锋衣 Rain jacket", "球拍 Racket", "运动裤 Track trousers", "背心 Singlet"),
    "CHILDREN": ("童装 Dress", "童鞋 Shoes", "积木 Blocks", "婴儿车 Pushchair", "奶瓶 Bottle", "绘本 Picture book"),
    "HOME": ("四件套 Bed linen", "汤锅 Pot", "台灯 Lamp", "餐具 Tableware", "刀具 Knives", "靠垫 Cushion"),
    "CULTURE": ("钢笔 Fountain pen", "笔记本 Notebook", "墨水 Ink", "相册 Album"),
    "ELECTRONICS": ("耳机 Headphones", "音箱 Loudspeaker", "电饭煲 Rice cooker", "咖啡机 Coffee machine"),
    "FOOD HALL": ("红茶 Black tea", "礼盒 Gift box", "干红 Red wine", "蛋糕 Cake", "坚果 Nuts", "面包 Bread"),
}
REDUCED_TAX, USUAL_TAX = "0.09", "0.13"


@dataclass(frozen=True, slots=True)
class Product:
    """A product of one counter; price and cost in fen, tax included. `cost` None: the supplier's affair."""

    code: str
    name: str
    counter: Counter
    price: int
    cost: int | None


@cache
def products_of(counter: Counter) -> tuple[Product, ...]:
    """The products of a counter: none where prices are typed."""
    if counter.types_prices:
        return ()
    kinds = KINDS[counter.category[0]]
    made = []
    for n in range(PRODUCTS_A_COUNTER):
        chance = Random(f"{SEED}/department product/{counter.code}/{n}")  # noqa: S311
        price = round_price(chance.randint(counter.price_from, counter.price_to))
        kind, size = kinds[n % len(kinds)], n // len(kinds) + 1
        name = f"{counter.name.split()[0]}{kind} {size:02d}"
        cost = int(price * chance.uniform(*COST_SHARES)) if counter.mode == OWN else None
        made.append(Product(ean13(f"{IN_STORE_PREFIX}{counter.code}{n:07d}"), name, counter, price, cost))
    return tuple(made)


def round_price(fen: int) -> int:
    """A price as shops write it: whole yuan, from ten yuan on ending in 9."""
    yuan = max(fen // 100, 1)
    return (yuan // 10 * 10 + 9 if yuan >= 10 else yuan) * 100


def catalogue() -> list[dict[str, Any]]:
    """Every product as `PUT /v1/products/batch` takes it."""
    return [
        {
            "code": product.code,
            "name": product.name,
            "category": list(counter.category),
            "brand": counter.brand,
            "currency": CURRENCY,
            "regular_price": product.price,
            "unit_cost": product.cost,
        }
        for counter in COUNTERS
        for product in products_of(counter)
    ]


def tax_rate(counter: Counter) -> str:
    """Food is taxed less."""
    return REDUCED_TAX if counter.category[0] == "FOOD HALL" else USUAL_TAX


def supplier_bears(counter: Counter, discount: int) -> int | None:
    """The part of an anniversary discount that a concession's supplier pays, in fen; None where there is none."""
    return discount * 40 // 100 if counter.mode == CONCESSION else None


def promotions(calendar: Calendar) -> list[dict[str, Any]]:
    """The promotions as `PUT /v1/promotions/batch` takes them; all of this one store."""
    anniversary = {
        "starts_on": calendar.anniversary_from.isoformat(),
        "ends_on": calendar.anniversary_until.isoformat(),
    }
    before = {
        "starts_on": calendar.first_day.isoformat(),
        "ends_on": (calendar.anniversary_from - timedelta(days=1)).isoformat(),
    }
    shared = [{"funder": "company", "share": "0.6"}, {"funder": "suppliers", "share": SUPPLIER_SHARE}]
    here = {"stores": [STORE], "formats": [FORMAT]}
    return [
        {"code": ANNIVERSARY, "name": "店庆 Anniversary prices", "method": "markdown", "funders": shared, **anniversary,
         **here},
        {"code": THRESHOLD, "name": "满300减40 Anniversary, 40 off 300", "method": "threshold", "funder": "company",
         **anniversary, **here},
        {"code": MEMBER_PRICE, "name": "会员价 Member prices", "method": "member_price", "funder": "company", **here},
        {"code": OPENING, "name": "秋季 Autumn markdown", "method": "markdown", "funder": "company", **before, **here},
    ]  # fmt: skip


def rebate(calendar: Calendar) -> dict[str, Any]:
    """满返: 60 in e-coins for every 600 spent at the counters that take part, over all tickets of a settlement."""
    return {
        "name": "YZ-REBATE",
        "currency": CURRENCY,
        "spend": 60_000,
        "get": 6_000,
        "formats": [FORMAT],
        "counters": [counter.code for counter in COUNTERS if counter.takes_part],
        "starts_on": calendar.first_day.isoformat(),
        "ends_on": calendar.anniversary_until.isoformat(),
        "life": {"days": 30},
        "funder": "company",
        "conditions": {"stores": [STORE], "spend_at_least": 10_000},
    }

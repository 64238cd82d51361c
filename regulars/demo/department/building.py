"""The store, its five floors and sixty counters: who runs which one, on what terms, on how many square metres.

Four modes (docs/glossary.md): own goods, concession (the store keeps a rate), consignment, leased. Every name is made
up; suppliers and legal units too.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import msgspec

from regulars.demo.department.calendar import Calendar

STORE, CURRENCY, ZONE, FORMAT, REGION = "YZ01", "CNY", "Asia/Shanghai", "department", "jiangnan"
OPENED = date(2019, 9, 28)
RETAIL, JEWEL, FOODS = "YZ-RETAIL", "YZ-JEWEL", "YZ-FOODS"
OWN, CONCESSION, CONSIGNMENT, LEASED = "own", "concession", "consignment", "leased"
STORE_AREA_M2 = 14_600
COUNTERS_A_SUPPLIER = 2
# A percentage point is what the store gives up of its rate while the anniversary lasts.
ANNIVERSARY_RATE_OFF = 3
ANNIVERSARY = "YZ-ANNIVERSARY"


class CounterTerms(msgspec.Struct, frozen=True, omit_defaults=True):
    """A counter as `PUT /v1/counters/batch` takes it, from `effective_from` on; what is left out stays."""

    store: str
    code: str
    effective_from: date
    name: str | None = None
    mode: str | None = None
    rate: str | None = None
    guaranteed_minimum: int | None = None
    promotion_rates: list[dict[str, str]] | None = None
    supplier: str | None = None
    legal_unit: str | None = None
    category: list[str] | None = None
    brand: str | None = None
    floor: str | None = None
    area_m2: int | None = None
    takes_ecoins: bool | None = None
    opened_on: date | None = None


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter as the demo knows it. `percent` is the rate of the store, `minimum` yuan a month, prices in fen.

    A counter that `types_prices` has no products of its own in the catalogue, as most concessions do.
    """

    code: str
    name: str
    brand: str
    category: tuple[str, str]
    mode: str
    percent: int | None
    minimum: int | None
    area_m2: int
    price_from: int
    price_to: int
    types_prices: bool

    @property
    def floor(self) -> str:
        return f"{self.code[0]}F"

    @property
    def legal_unit(self) -> str:
        return {"JEWELLERY": JEWEL, "FOOD HALL": FOODS}.get(self.category[0], RETAIL)

    @property
    def takes_part(self) -> bool:
        """Whether it joins the anniversary: its lines count for 满返, and its customers may pay with e-coins."""
        return self.mode != LEASED and self.category[0] != "JEWELLERY"


# number on the floor, name, brand, category, mode, rate in %, minimum in yuan a month, m2, prices in yuan, typed prices
_FLOORS: tuple[tuple[tuple[str, str, str, str, int | None, int | None, int, int, int, bool], ...], ...] = (
    (
        ("晨露", "CHENLU", "BEAUTY/SKINCARE", CONCESSION, 28, 66_000, 62, 120, 980, False),
        ("雾灵", "WULING", "BEAUTY/SKINCARE", CONCESSION, 27, 50_000, 54, 160, 1_280, True),
        ("绯石", "FEISHI", "BEAUTY/MAKE-UP", CONCESSION, 26, 44_000, 48, 90, 560, False),
        ("墨黛", "MODAI", "BEAUTY/MAKE-UP", CONCESSION, 26, None, 41, 80, 420, True),
        ("百花集", "BAIHUAJI", "BEAUTY/FRAGRANCE", OWN, None, None, 46, 180, 890, False),
        ("素手", "SUSHOU", "BEAUTY/BATH", OWN, None, None, 38, 35, 260, False),
        ("金桐", "JINTONG", "JEWELLERY/GOLD", CONSIGNMENT, 9, None, 88, 900, 9_800, True),
        ("玉澜", "YULAN-JADE", "JEWELLERY/JADE", CONSIGNMENT, 14, None, 44, 480, 6_800, True),
        ("星屑", "XINGXIE", "JEWELLERY/SILVER", CONCESSION, 24, 33_000, 36, 160, 1_900, False),
        ("时岸", "SHIAN", "JEWELLERY/WATCHES", CONCESSION, 18, 55_000, 70, 680, 7_800, False),
        ("行囊记", "XINGNANGJI", "BAGS/LEATHER", CONCESSION, 25, 50_000, 76, 260, 2_400, False),
        ("折角", "ZHEJIAO", "BAGS/SMALL GOODS", OWN, None, None, 34, 60, 480, False),
    ),
    (
        ("鹿吟", "LUYIN", "WOMEN/COATS", CONCESSION, 27, 61_000, 92, 390, 2_680, False),
        ("半夏", "BANXIA", "WOMEN/DRESSES", CONCESSION, 27, 50_000, 84, 290, 1_680, True),
        ("青禾", "QINGHE", "WOMEN/KNITWEAR", CONCESSION, 26, 44_000, 80, 190, 1_080, True),
        ("织月", "ZHIYUE", "WOMEN/KNITWEAR", CONCESSION, 26, None, 72, 180, 960, False),
        ("云裳里", "YUNSHANGLI", "WOMEN/DRESSES", CONCESSION, 28, 55_000, 88, 320, 1_880, True),
        ("木兰坊", "MULANFANG", "WOMEN/COATS", CONSIGNMENT, 22, None, 66, 260, 1_480, True),
        ("浅蓝", "QIANLAN", "WOMEN/DENIM", CONCESSION, 25, 33_000, 58, 150, 680, False),
        ("贴心", "TIEXIN", "WOMEN/LINGERIE", CONCESSION, 30, 38_000, 49, 90, 520, True),
        ("丝语", "SIYU", "WOMEN/SCARVES", OWN, None, None, 32, 80, 690, False),
        ("足尖", "ZUJIAN", "SHOES/WOMEN", CONCESSION, 27, 44_000, 74, 260, 1_280, True),
        ("踏歌", "TAGE", "SHOES/WOMEN", CONCESSION, 26, None, 68, 220, 990, False),
        ("发间", "FAJIAN", "SERVICES/HAIRDRESSER", LEASED, None, None, 96, 88, 680, True),
    ),
    (
        ("松衡", "SONGHENG", "MEN/SUITS", CONCESSION, 26, 50_000, 90, 480, 3_200, False),
        ("北岑", "BEICEN", "MEN/COATS", CONCESSION, 26, 44_000, 84, 360, 2_280, True),
        ("素领", "SULING", "MEN/SHIRTS", CONCESSION, 25, 38_000, 62, 160, 780, False),
        ("衡岳", "HENGYUE", "MEN/KNITWEAR", CONCESSION, 25, None, 60, 180, 880, True),
        ("原棉", "YUANMIAN", "MEN/UNDERWEAR", OWN, None, None, 42, 40, 260, False),
        ("履道", "LVDAO", "SHOES/MEN", CONCESSION, 26, 44_000, 71, 290, 1_480, True),
        ("驰野", "CHIYE", "SPORT/RUNNING", CONCESSION, 21, 66_000, 110, 180, 1_180, False),
        ("云脚", "YUNJIAO", "SPORT/TRAINING", CONCESSION, 21, 55_000, 104, 160, 990, True),
        ("山外", "SHANWAI", "SPORT/OUTDOOR", CONCESSION, 22, 50_000, 98, 220, 1_980, False),
        ("白浪", "BAILANG", "SPORT/SWIMMING", CONSIGNMENT, 18, None, 40, 90, 460, True),
        ("弓弦", "GONGXIAN", "SPORT/RACKETS", OWN, None, None, 46, 60, 880, False),
        ("远行", "YUANXING", "BAGS/LUGGAGE", CONCESSION, 24, 33_000, 66, 280, 1_880, True),
    ),
    (
        ("小满", "XIAOMAN", "CHILDREN/CLOTHES", CONCESSION, 26, 38_000, 78, 90, 560, False),
        ("蒲公英", "PUGONGYING", "CHILDREN/CLOTHES", CONCESSION, 26, None, 70, 80, 480, True),
        ("豆丁", "DOUDING", "CHILDREN/SHOES", CONCESSION, 25, 28_000, 52, 120, 460, True),
        ("积木森林", "JIMUSENLIN", "CHILDREN/TOYS", OWN, None, None, 96, 40, 690, False),
        ("奶泡", "NAIPAO", "CHILDREN/BABY", CONSIGNMENT, 15, None, 64, 50, 860, False),
        ("棉朵", "MIANDUO", "HOME/BEDDING", CONCESSION, 25, 50_000, 102, 190, 1_980, True),
        ("瓷语", "CIYU", "HOME/CHINA", CONSIGNMENT, 20, None, 58, 60, 980, True),
        ("灶边", "ZAOBIAN", "HOME/KITCHEN", OWN, None, None, 76, 50, 1_280, False),
        ("木作", "MUZUO", "HOME/FURNITURE", CONCESSION, 20, 44_000, 180, 480, 6_800, True),
        ("灯影", "DENGYING", "HOME/LAMPS", CONCESSION, 23, None, 62, 120, 1_480, False),
        ("慢读", "MANDU", "CULTURE/BOOKS", LEASED, None, None, 220, 30, 180, True),
        ("文房", "WENFANG", "CULTURE/STATIONERY", OWN, None, None, 54, 15, 260, False),
    ),
    (
        ("屏立方", "PINGLIFANG", "ELECTRONICS/TELEVISIONS", CONCESSION, 8, 33_000, 120, 1_900, 9_800, True),
        ("耳语", "ERYU", "ELECTRONICS/AUDIO", CONCESSION, 12, None, 64, 190, 2_980, False),
        ("掌间", "ZHANGJIAN", "ELECTRONICS/PHONES", CONSIGNMENT, 6, None, 82, 980, 6_980, True),
        ("暖厨", "NUANCHU", "ELECTRONICS/KITCHEN", CONCESSION, 13, 28_000, 90, 160, 2_480, False),
        ("茗山", "MINGSHAN", "FOOD HALL/TEA", CONCESSION, 22, 22_000, 48, 60, 1_280, True),
        ("糖画", "TANGHUA", "FOOD HALL/SWEETS", OWN, None, None, 42, 18, 168, False),
        ("酒窖五号", "JIUJIAO-5", "FOOD HALL/WINE", OWN, None, None, 66, 80, 1_680, False),
        ("麦隐", "MAIYIN", "FOOD HALL/BAKERY", OWN, None, None, 58, 12, 98, False),
        ("海错", "HAICUO", "FOOD HALL/DRIED SEAFOOD", CONSIGNMENT, 16, None, 44, 90, 1_480, True),
        ("面之道", "MIANZHIDAO", "RESTAURANTS/NOODLES", LEASED, None, None, 160, 28, 128, True),
        ("暖锅", "NUANGUO", "RESTAURANTS/HOT POT", LEASED, None, None, 320, 98, 680, True),
        ("乐园", "LEYUAN", "SERVICES/PLAYGROUND", LEASED, None, None, 280, 48, 198, True),
    ),
)


def _counters() -> tuple[Counter, ...]:
    found = []
    for floor, rows in enumerate(_FLOORS, 1):
        for place, (name, brand, path, mode, percent, minimum, area, low, high, typed) in enumerate(rows, 1):
            root, _, leaf = path.partition("/")
            code = f"{floor}{place:02d}"
            found.append(
                Counter(
                    code, f"{name} {brand.title()}", brand, (root, leaf), mode, percent, minimum, area, low * 100,
                    high * 100, typed,
                )
            )  # fmt: skip
    return tuple(found)


COUNTERS = _counters()


def store() -> dict[str, Any]:
    """The store as `PUT /v1/stores/batch` takes it."""
    return {
        "code": STORE,
        "name": "云章百货 Yunzhang (made up)",
        "format": FORMAT,
        "region": REGION,
        "legal_unit": RETAIL,
        "currency": CURRENCY,
        "timezone": ZONE,
        "area_m2": STORE_AREA_M2,
        "opened_on": OPENED.isoformat(),
        "effective_from": OPENED.isoformat(),
    }


def names() -> dict[str, list[dict[str, str]]]:
    """What people call legal units, suppliers, the format and the region, by the route that names them."""
    units = {RETAIL: "Yunzhang Retail", JEWEL: "Yunzhang Jewellery", FOODS: "Yunzhang Foods"}
    return {
        "legal-units": [{"code": code, "name": f"{name} (made up)"} for code, name in units.items()],
        "suppliers": [
            {"code": code, "name": f"{counter.name} trading (made up)"} for code, counter in _first_of_suppliers()
        ],
        "formats": [{"code": FORMAT, "name": "Department store 百货"}],
        "regions": [{"code": REGION, "name": "Jiangnan 江南"}],
    }


def supplier_of(counter: Counter) -> str | None:
    """Who owns the goods, or the business, of a counter; None where that is the store."""
    if counter.mode == OWN:
        return None
    with_supplier = [each.code for each in COUNTERS if each.mode != OWN]
    return f"YZ-V{with_supplier.index(counter.code) // COUNTERS_A_SUPPLIER + 1:02d}"


def _first_of_suppliers() -> list[tuple[str, Counter]]:
    first: dict[str, Counter] = {}
    for counter in COUNTERS:
        if (code := supplier_of(counter)) is not None:
            first.setdefault(code, counter)
    return sorted(first.items())


def terms() -> list[CounterTerms]:
    """Every counter as it opened; from then on, so that putting them again changes nothing."""
    return [
        CounterTerms(
            STORE,
            counter.code,
            OPENED,
            counter.name,
            counter.mode,
            _rate(counter.percent),
            counter.minimum * 100 if counter.minimum is not None else None,
            None,
            supplier_of(counter),
            counter.legal_unit,
            list(counter.category),
            counter.brand,
            counter.floor,
            counter.area_m2,
            counter.takes_part,
            OPENED,
        )
        for counter in COUNTERS
    ]


def later_terms(calendar: Calendar) -> list[CounterTerms]:
    """What changed since: two contracts and one area in the weeks of the demo, and the rates of the anniversary."""
    midway = calendar.first_day + timedelta(days=calendar.days // 2)
    anniversary = [
        CounterTerms(
            STORE, counter.code, calendar.anniversary_from,
            promotion_rates=[
                {"promotion": ANNIVERSARY, "rate": _rate(counter.percent - ANNIVERSARY_RATE_OFF) or "0"}
            ],
        )
        for counter in COUNTERS
        if counter.percent is not None and counter.takes_part
    ]  # fmt: skip
    return [
        CounterTerms(STORE, "202", midway, rate="0.255"),
        CounterTerms(STORE, "304", midway, rate="0.24", guaranteed_minimum=3_000_000),
        CounterTerms(STORE, "409", midway, area_m2=210),
        *anniversary,
    ]


def _rate(percent: int | None) -> str | None:
    return f"{percent / 100:.2f}" if percent is not None else None

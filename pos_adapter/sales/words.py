"""Receipts in words for people."""

from collections.abc import Mapping
from typing import Any

from foundation.pages import lazy

TYPE_WORDS: Mapping[str, tuple[Any, str]] = {
    "sale": (lazy("Sale"), ""),
    "return": (lazy("Return"), "warn"),
    "void": (lazy("Void"), "danger"),
}
FLAG_WORDS: Mapping[str, Any] = {
    "unknown_member": lazy("The member is not known yet"),
    "unreadable_member": lazy("The member's number cannot be read"),
    "closed_member": lazy("The membership is closed"),
    "unknown_product": lazy("A product is not in the catalogue"),
    "unknown_counter": lazy("A counter is not known"),
    "unknown_promotion": lazy("A promotion is not known"),
    "unknown_tender": lazy("A way of paying is not known"),
    "unknown_original": lazy("The original receipt has not arrived"),
    "contradicts_original": lazy("The original has arrived, and does not have what is given back"),
    "member_differs": lazy("The return names another member"),
    "points_rate_differs": lazy("The till paid with points at another rate"),
    "not_eligible": lazy("Points or e-coins paid for lines that do not take part"),
    "card_number_masked": lazy("A card number was sent and has been masked"),
    "restored_with_grace": lazy("Expired points came back for a while"),
    "balance_missing": lazy("The balance it was paid with is missing"),
}
MEMBER_KINDS = [("phone", lazy("Phone")), ("card", lazy("Card")), ("email", lazy("E-mail"))]

TENDER_WORDS: Mapping[str, Any] = {
    "cash": lazy("Cash"),
    "card": lazy("Bank card"),
    "code": lazy("Payment code"),
    "cheque": lazy("Cheque"),
    "on_account": lazy("On account"),
    "instalment": lazy("Instalments"),
    "bank_transfer": lazy("Bank transfer"),
    "rounding": lazy("Rounding"),
    "voucher": lazy("Voucher"),
    "points": lazy("Points"),
    "ecoin": lazy("E-coins"),
    "coupon": lazy("Coupon"),
    "stored_value": lazy("Stored cash"),
    "ecoin_clawback": lazy("E-coins spent already"),
}

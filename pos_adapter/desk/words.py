"""Words of the desk: states, rails, why something cannot pay; and those that the desk's script says."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from foundation.pages import lazy
from pos_adapter.payments.words import said_words

SETTLEMENT_STATES: Mapping[str, tuple[Any, str]] = {
    "pending": (lazy("Waiting for payment"), "warn"),
    "paid": (lazy("Fully paid"), "good"),
    "failed": (lazy("Not paid"), "danger"),
}
TICKET_STATES: Mapping[str, tuple[Any, str]] = {
    "issued": (lazy("Unpaid"), "info"),
    "settling": (lazy("Being paid"), "warn"),
    "paid": (lazy("Paid, not handed over"), "good"),
    "released": (lazy("Collected"), ""),
    "cancelled": (lazy("Called off"), ""),
    "expired": (lazy("Expired"), ""),
}
# What happened to a ticket, step by step.
STEP_WORDS: Mapping[str, Any] = {
    "issued": lazy("Ticket issued"),
    "settling": lazy("Being paid"),
    "paid": lazy("Fully paid"),
    "released": lazy("Collected"),
    "cancelled": lazy("Called off"),
    "expired": lazy("Expired"),
}
PAYMENT_STATES: Mapping[str, tuple[Any, str]] = {
    "created": (lazy("Being sent"), "info"),
    "pending": (lazy("Waiting for the payer"), "warn"),
    "succeeded": (lazy("Taken"), "good"),
    "failed": (lazy("Refused"), "danger"),
    "reversing": (lazy("Being undone"), "warn"),
    "reversed": (lazy("Undone, nobody was charged"), ""),
    "unknown": (lazy("Unknown, we go on asking"), "danger"),
}
RAILS: Mapping[str, Any] = {
    "card": lazy("Bank card"),
    "alipay": lazy("Alipay"),
    "wechat": lazy("WeChat Pay"),
    "wallet": lazy("Member's wallet"),
}


def script_words() -> dict[str, Any]:
    """What the desk's script says, in the reader's language; `{...}` are filled in by the script."""
    return {
        "tender": {
            "cash": gettext("Cash"),
            "card": gettext("Bank card"),
            "code": gettext("Payment code"),
            "points": gettext("Points"),
            "ecoin": gettext("E-coins"),
            "stored_value": gettext("Stored cash"),
            "coupon": gettext("Coupon"),
        },
        "settlement": {name: str(words) for name, (words, _) in SETTLEMENT_STATES.items()},
        "ticket": {name: str(words) for name, (words, _) in TICKET_STATES.items()},
        "payment": {name: str(words) for name, (words, _) in PAYMENT_STATES.items()},
        "rail": {name: str(words) for name, words in RAILS.items()},
        "why": {
            "member_frozen": gettext("the account is frozen"),
            "conditions_not_met": gettext("its conditions are not met"),
            "no_eligible_lines": gettext("nothing here takes part"),
            "nothing_stored": gettext("nothing is stored"),
            "used": gettext("used already"),
            "revoked": gettext("taken back"),
            "not_yet": gettext("not valid yet"),
            "over": gettext("no longer valid"),
            "another_member": gettext("another member's"),
            "currency": gettext("another currency's"),
            "store": gettext("not in this store"),
            "format": gettext("not in this kind of store"),
            "spend_more": gettext("the minimum is not reached"),
            "other": gettext("cannot be used here"),
        },
        "ask": {
            "main": gettext("Ticket number, member or product: scan or type, then Enter"),
            "member": gettext("Phone, card or last four digits of the phone"),
            "price": gettext("Price, then the counter if it has one: 25.00 C12"),
            "product": gettext("Price of {name}"),
            "coupon": gettext("Number of the coupon, or scan it"),
            "points": gettext("Money to pay with points"),
            "ecoin": gettext("E-coins to use"),
            "stored_value": gettext("Stored cash to use"),
            "card": gettext("Amount by card"),
            "card_elsewhere": gettext("Amount paid at the bank's own terminal"),
            "cash": gettext("Cash given by the customer"),
            "code": gettext("Scan the payment code on the customer's phone"),
            "recent": gettext("Up and Down choose a settlement; Enter prints its receipt, or opens what hangs"),
            "keep": gettext("How many pieces, then the shelf if there is one: 2 A3"),
            "handout": gettext("Enter hands the goods out for the slip, Esc does not"),
            "result": gettext("Enter prints the receipt; the next scan begins the next customer"),
            "waits": gettext("The payment is on its way; the next scan begins the next customer"),
            "sending": gettext("One moment …"),
        },
        "say": {
            "not_found": gettext("Nothing is known under {text}."),
            "no_ticket": gettext("There is no ticket {number} today."),
            "ticket_closed": gettext("Ticket {number}: {state}."),
            "other_member": gettext("Ticket {number} is another customer's. Settle this one first, or press Esc."),
            "no_open": gettext("{name} has no open ticket."),
            "nothing": gettext("Nothing to settle yet: call a ticket, or scan a member or a product."),
            "left": gettext("{amount} is left to pay: choose a way of paying."),
            "too_much": gettext("That is more than the {amount} that can be used."),
            "not_amount": gettext("This is not an amount."),
            "code_scanned": gettext("A code was scanned where an amount is typed; nothing was taken from it."),
            "no_such_coupon": gettext("There is no such coupon to use here."),
            "none_usable": gettext("Nothing of this can be used here."),
            "accounts_offline": gettext(
                "No network: points, e-coins, stored money and coupons cannot be used, for nobody can see the balance."
            ),
            "fully_paid": gettext("Everything is covered: Enter settles."),
            "payments_gone": gettext("What is to be paid has changed: enter the payments again."),
            "taken_elsewhere": gettext(
                "Ticket {number} has just been settled at desk {terminal}. It is off this list."
            ),
            "taking_elsewhere": gettext("Ticket {number} is being paid at desk {terminal}. It is off this list."),
            "taken": gettext("Ticket {number}: {state}. It is off this list."),
            "nothing_charged": gettext("Nothing was posted and nobody was charged here."),
            "came": gettext("Ticket {number} of counter {counter} has come in."),
            "changed": gettext("Ticket {number} was changed at its counter."),
            "no_answer": gettext("No answer from the server. Trying again; nothing is done twice."),
            "gave_up": gettext("Still no answer. The settlement stays here: F12 asks again."),
            "resolved_paid": gettext("Settlement of {amount} is paid."),
            "resolved_failed": gettext("Settlement of {amount} was not paid: {why}. Its tickets are open again."),
            "offline": gettext("Live news is away; the list is refreshed every few seconds."),
            "live": gettext("Live"),
            "polling": gettext("Polling"),
            "session": gettext("You have been logged out. Log in again."),
            "printed": gettext("The receipt is printed."),
            "copy_printed": gettext("A copy of the receipt is printed."),
            "not_payment_code": gettext("This is no payment code of a wallet app."),
            "no_rail": gettext("Wallet apps are not connected here."),
            "needs_member": gettext("Scan the member first (F2)."),
            "one_member": gettext("One member has these digits: {name}. Enter takes it, Esc does not."),
            "member_set": gettext("Member {name}."),
            "busy": gettext("The last settlement is still on its way."),
            "nothing_to_keep": gettext("Only what is paid is kept here: settle it, or choose it with F1."),
            "not_pieces": gettext("This is no number of pieces: 2, or 2 and the shelf."),
            "kept": gettext("The goods are kept as {label}."),
            "no_parcel": gettext("Nothing lies here under {label}."),
            "parcel_lies": gettext("{label}: {pieces} pieces"),
            "parcel_place": gettext("shelf {place}"),
            "parcel_collected": gettext("{label} was handed out already."),
            "parcel_sent_back": gettext("{label} went back to its counters."),
            "handed_out": gettext("{label} is handed out."),
            "none_settled": gettext("Nothing has been settled here today."),
            "failed": gettext("This did not work."),
        },
        "said": said_words(),
        "label": {
            "ticket": gettext("Ticket {number}"),
            "loose": gettext("Loose goods"),
            "change": gettext("Change due"),
            "given": gettext("Cash given"),
            "earned": gettext("Points earned"),
            "balance": gettext("Points now"),
            "ecoins": gettext("E-coins earned"),
            "to_come": gettext("Points to come, at most"),
            "ecoins_to_come": gettext("E-coins to come"),
            "usable": gettext("{amount} can be used"),
            "not_usable": gettext("not usable: {why}"),
            "expires": gettext("until {day}"),
            "minutes": gettext("{n} min"),
            "new": gettext("new"),
            "elsewhere": gettext("at the bank's terminal"),
            "handed": gettext("handed over"),
            "waits": gettext("waits at the counter"),
            "receipt": gettext("Receipt {number}"),
            "anonymous": gettext("No member"),
        },
    }

"""The words of the handheld's scripts, in the reader's language; they come with the page and are kept with it."""

from foundation.pages import gettext
from pos_adapter.payments.words import said_words


def script_words() -> dict[str, str]:
    """What the scripts say, by name; {places} are filled in by them."""
    said = {f"said_{text}": words for text, words in said_words().items()}
    return {**_states(), **_issuing(), **_sending(), **_tickets(), **_members(), **_checkout(), **_problems(), **said}


def _states() -> dict[str, str]:
    return {
        "state_issued": gettext("Ticket issued"),
        "state_settling": gettext("Being paid"),
        "state_paid": gettext("PAID"),
        "state_released": gettext("Goods handed over"),
        "state_cancelled": gettext("Cancelled"),
        "state_expired": gettext("Expired"),
        "state_waiting": gettext("Not sent yet"),
        "state_refused": gettext("Refused"),
    }


def _issuing() -> dict[str, str]:
    return {
        "total": gettext("Total"),
        "issue": gettext("Issue ticket"),
        "issue_amount": gettext("Issue · {amount}"),
        "save_changes": gettext("Save the changes"),
        "leave_changes": gettext("Leave as it was"),
        "editing": gettext("Changing ticket {number}"),
        "basket_empty": gettext("Nothing here yet"),
        "basket_empty_how": gettext("Scan a product, search for it, or type a price."),
        "nothing_found": gettext("Nothing found for “{words}”"),
        "searching": gettext("Searching …"),
        "unknown_code": gettext("Code {code} is not known. Type its price to sell it all the same."),
        "no_price": gettext("no price"),
        "price": gettext("Price of one"),
        "quantity": gettext("Quantity"),
        "discount": gettext("Discount"),
        "discount_money": gettext("Money off"),
        "discount_percent": gettext("Per cent off"),
        "promotion": gettext("Promotion"),
        "no_promotion": gettext("None"),
        "typed_price": gettext("Typed price"),
        "remove": gettext("Remove"),
        "done": gettext("OK"),
        "more": gettext("One more"),
        "less": gettext("One less"),
        "off": gettext("{amount} off"),
        "each": gettext("{quantity} × {price}"),
        "not_an_amount": gettext("This is not an amount."),
        "not_a_quantity": gettext("This is not a quantity."),
        "discount_too_large": gettext("The discount is more than the price."),
        "price_missing": gettext("Type a price."),
        "clear_basket": gettext("Start again"),
        "approval": gettext("Manager’s code"),
        "approval_hint": gettext("The six digits that the manager’s own page shows now."),
        "approval_staff": gettext("Manager’s staff number"),
        "approve": gettext("Issue with approval"),
        "cache_filling": gettext("{count} products on this device, loading more …"),
        "cache_ready": gettext("{count} products on this device"),
    }


def _sending() -> dict[str, str]:
    return {
        "all_sent": gettext("All sent"),
        "not_sent": gettext("{count} not sent"),
        "not_sent_one": gettext("1 not sent"),
        "sending": gettext("Sending …"),
        "no_network": gettext("No network"),
        "refused_count": gettext("{count} refused"),
        "ticket_number": gettext("Ticket number"),
        "tell_number": gettext("The customer pays at any cash desk with this number."),
        "saved_here": gettext("Saved on this device, not sent yet"),
        "saved_here_how": gettext(
            "It is sent by itself as soon as there is a network. The customer can pay when it has its number."
        ),
        "next_ticket": gettext("Next ticket"),
        "pay_here": gettext("Take the payment here"),
        "was_sent": gettext("Ticket {number} is sent"),
        "was_refused": gettext("This ticket was refused"),
        "change_it": gettext("Change it"),
        "discard": gettext("Discard it"),
        "discard_sure": gettext("Discard this ticket? It was never issued."),
        "log_in_to_send": gettext("You are logged out. Log in, and what waits here is sent."),
        "log_in": gettext("Log in"),
        "sent_elsewhere": gettext("Perhaps sent already: it can be changed once the network is back."),
    }


def _tickets() -> dict[str, str]:
    return {
        "tickets_none": gettext("No tickets today"),
        "tickets_none_how": gettext("What this counter issues appears here, and turns green when it is paid."),
        "group_paid": gettext("Paid: hand over"),
        "group_open": gettext("Waiting for payment"),
        "group_unsent": gettext("Not sent"),
        "group_at_desk": gettext("Left at the desk"),
        "at_desk": gettext("Desk: {label}"),
        "at_desk_how": gettext("The goods lie at the desk as {label}; the desk hands them out."),
        "group_done": gettext("Done today"),
        "paid_title": gettext("Ticket {number} is paid"),
        "release": gettext("Hand the goods over"),
        "released": gettext("Ticket {number} handed over"),
        "edit": gettext("Change"),
        "cancel": gettext("Cancel the ticket"),
        "cancel_sure": gettext("Cancel ticket {number}? The customer can then no longer pay it."),
        "cancelled": gettext("Ticket {number} cancelled"),
        "history": gettext("Its history"),
        "needs_network": gettext("This needs the network."),
        "live": gettext("Live"),
        "polling": gettext("Asking every few seconds"),
        "as_of": gettext("As of {time}"),
        "ticket": gettext("Ticket {number}"),
        "ticket_unsent": gettext("Ticket without a number yet"),
        "close": gettext("Close"),
        "loading": gettext("Loading …"),
    }


def _members() -> dict[str, str]:
    return {
        "member": gettext("Member"),
        "no_member": gettext("No member"),
        "member_scan": gettext("Scan the card or the code on the phone, or type the phone number"),
        "member_last_four": gettext("Last four digits of the phone"),
        "member_find": gettext("Find"),
        "member_use": gettext("This member"),
        "member_take_off": gettext("Without a member"),
        "member_points": gettext("{points} points"),
        "member_unknown": gettext("Nobody is known by that."),
        "member_several": gettext("Several members have these digits. Ask for the whole number."),
        "member_offline": gettext(
            "Without a network the member cannot be looked up. The number is sent with the ticket and counts all the"
            " same."
        ),
        "member_code_offline": gettext(
            "The code on the phone can only be read with a network. Use the card or the phone number."
        ),
        "salesperson": gettext("Salesperson"),
        "nobody": gettext("No salesperson"),
    }


def _checkout() -> dict[str, str]:
    return {
        "checkout": gettext("Payment"),
        "to_pay": gettext("To pay"),
        "rail_card": gettext("Bank card"),
        "rail_code": gettext("Payment code"),
        "rail_wallet": gettext("Member’s wallet"),
        "rail_card_how": gettext("Insert or hold the card to the reader, then tap."),
        "rail_code_how": gettext("Scan the payment code on the customer’s phone."),
        "rail_wallet_how": gettext("The member types the PIN of the wallet, or the code from the phone."),
        "no_cash": gettext("Cash is paid at the cash desk."),
        "rail_missing": gettext("Not set up in this company"),
        "wallet_needs_member": gettext("The ticket names no member."),
        "start_card": gettext("Take {amount} by card"),
        "start_wallet": gettext("Take {amount} from the wallet"),
        "payment_code": gettext("Payment code"),
        "wallet_pin": gettext("PIN or one-time code"),
        "wallet_by_pin": gettext("By the wallet’s PIN"),
        "wallet_by_code": gettext("By a one-time code"),
        "paying_offline": gettext(
            "No network: no payment can be taken. Points, e-coins and stored money cannot be used either, because"
            " nobody can see the balance. The ticket is kept, and the customer can pay when the network is back."
        ),
        "payment_sending": gettext("Asking for the payment …"),
        "payment_pending": gettext("The payment is being taken"),
        "payment_pending_how": gettext("The customer may have to type a password. Keep this open."),
        "payment_paid": gettext("PAID"),
        "payment_failed": gettext("Not paid"),
        "payment_failed_how": gettext("Nothing was taken. The ticket can be paid again."),
        "payment_unknown": gettext("Not known yet"),
        "payment_unknown_how": gettext(
            "No answer came. Do not take the payment again: the system asks until it knows, and says so here."
        ),
        "pay_again": gettext("Try again"),
        "payment_reason": gettext("Reason: {reason}"),
        "points_earned": gettext("{points} points earned"),
    }


def _problems() -> dict[str, str]:
    return {
        "problem": gettext("This did not work."),
        "problem_network": gettext("No answer. Check the connection and try again: nothing is done twice."),
        "problem_permission_missing": gettext("You may not do this."),
        "problem_place_forbidden": gettext("This is not your store."),
        "problem_not_this_counter": gettext("This belongs to another counter."),
        "problem_counter_unknown": gettext("The counter is closed or not known."),
        "problem_goods_at_desk": gettext("The goods lie at the desk, which hands them out."),
        "problem_ticket_not_open": gettext("The ticket is past that; look at its state."),
        "problem_tickets_not_open": gettext("The ticket is paid or being paid."),
        "problem_ticket_changed": gettext("Somebody changed the ticket meanwhile. Look again."),
        "problem_ticket_contradicts_itself": gettext("The ticket contradicts itself."),
        "problem_ticket_id_taken": gettext("Another ticket was sent under this id."),
        "problem_wrong_currency": gettext("The store sells in another currency."),
        "problem_member_unknown": gettext("Nobody is known by that."),
        "problem_member_code_unknown": gettext("This code is over; the phone shows the next one."),
        "problem_identifier_unreadable": gettext("This is no number that we can read."),
        "problem_discount_needs_approval": gettext(
            "This discount is more than you may give. A manager must approve it."
        ),
        "problem_approval_refused": gettext("The manager’s code is wrong, used or too old."),
        "problem_wallet_not_proved": gettext("The PIN or the code is wrong, or the member has none yet."),
        "problem_wallet_blocked": gettext(
            "Too many wrong tries: the wallet is shut for a while. Take another payment."
        ),
        "problem_rail_unknown": gettext("This is no payment code that we know."),
        "problem_cash_not_here": gettext("Handhelds take no cash: the customer pays at the desk."),
        "problem_insufficient_balance": gettext("There is not enough in the wallet."),
        "problem_rate_limited": gettext("Too fast: wait a moment."),
        "problem_part_away": gettext("A part of the system is away; try again in a moment."),
        "problem_csrf_rejected": gettext("The page is old. Load it again."),
    }

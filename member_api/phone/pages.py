"""A member's own pages: what is owned, the code for the counter, coupons, consents, the wallet's PIN."""

from typing import Any

import flask
from flask_babel import get_locale, gettext
from werkzeug.utils import redirect

from foundation.access.passwords import PasswordsBusy
from foundation.database import Tx, database
from foundation.errors import DomainError
from foundation.http import Pages, make_cursor, read_cursor, transactional
from foundation.pages.formats import moment
from foundation.pages.qr import qr_svg
from foundation.pages.routes import form_field
from member_api.consents.operations import newest_wording, say, text_of
from member_api.consents.rules import Channel, ConsentUnreadable, ConsentWord, Purpose, check_pair
from member_api.coupons.operations import Coupon, company_date, coupons_of
from member_api.coupons.pages import STATE_WORDS as COUPON_WORDS
from member_api.coupons.pages import state_on
from member_api.identifiers.rules import Kind
from member_api.ledger.statements import accounts_of, statement_of
from member_api.ledger.words import ACCOUNT_WORDS, JOURNAL_WORDS, ORIGIN_WORDS
from member_api.members.lookup import resolve_member
from member_api.members.pages import consents_shown
from member_api.members.rules import MemberStatus
from member_api.members.views import Member, read_members
from member_api.phone.balances import balances
from member_api.phone.frame import home_links, render_phone
from member_api.phone.pins import (
    PinMissing,
    PinTooEasy,
    ProofWrong,
    SpendCode,
    WalletBlocked,
    check_pin,
    new_spend_code,
    set_pin,
    state_of,
)
from member_api.phone.rules import MEMBER_CODE_SHOWN, SPEND_CODE_LIFE, in_fours
from member_api.phone.sessions import (
    COOKIE,
    HOME,
    LOGIN,
    allow_member,
    end_session,
    end_sessions,
    is_fresh,
    sessions_of,
    signed_in_member,
)
from member_api.phone.showing import new_member_code
from member_api.tiers.operations import progress_of
from organisation.contract import format_names, stores_by_code

phone_pages = Pages("phone", __name__)

LOTS_LOOKED_AT = 1000
MOVES_SHOWN = 20
COUPONS_SHOWN = 20
PIN_PAGE = "/m/pin"
CONSENTS_PAGE = "/m/consents"
# Ways that are asked about where they are used.
ELSEWHERE = frozenset({Channel.WECOM, Channel.DINGTALK})


# ------------------------------------------------------------------------------------------------ home
@phone_pages.route(HOME)
@allow_member
@transactional
def home(tx: Tx) -> str:
    """Who I am here, what I own, how far it is to the next tier."""
    me = _me(tx)
    today = company_date(tx)
    usable = [c for c in coupons_of(tx, me.id, COUPONS_SHOWN) if state_on(c, today) == "issued"]
    return render_phone(
        "phone/home.html",
        me=me,
        balances=balances(accounts_of(tx, me.id, LOTS_LOOKED_AT)),
        kind_words=ACCOUNT_WORDS,
        progress=progress_of(tx, me.id),
        links=home_links(tx, me.id),
        usable=len(usable),
        marketing=[c for c in me.consents if c.granted and c.purpose is Purpose.MARKETING],
        frozen=me.status is MemberStatus.FROZEN,
        is_new=flask.request.args.get("new") == "1",
    )


def _me(tx: Tx) -> Member:
    member_id = signed_in_member()
    return read_members(tx, [member_id])[member_id]


# ------------------------------------------------------------------------------------------------ the code
@phone_pages.route("/m/code")
@allow_member
def code_page() -> str:
    """The code for the counter: a new one each time it is asked for. `part` is the code alone."""
    with database().transaction() as tx:
        made = new_member_code(tx, signed_in_member())
    return render_phone(
        "phone/shown_code.html" if flask.request.args.get("part") else "phone/my_code.html",
        qr=qr_svg(made.text),
        digits=in_fours(made.text),
        seconds=int(MEMBER_CODE_SHOWN.total_seconds()),
    )


# ------------------------------------------------------------------------------------------------ what I own
@phone_pages.route("/m/balances")
@allow_member
@transactional
def balances_page(tx: Tx) -> str:
    """Every balance with what expires when, and what moved it last."""
    member_id = signed_in_member()
    return render_phone(
        "phone/balances.html",
        balances=balances(accounts_of(tx, member_id, LOTS_LOOKED_AT)),
        rows=statement_of(tx, member_id, MOVES_SHOWN).rows,
        kind_words=ACCOUNT_WORDS,
        origin_words=ORIGIN_WORDS,
        journal_words=JOURNAL_WORDS,
        formats={each.code: each.name for each in format_names(tx)},
    )


@phone_pages.route("/m/coupons")
@allow_member
@transactional
def coupons_page(tx: Tx) -> str:
    """My coupons, the newest first, each with its code, or why it cannot be used."""
    cursor = flask.request.args.get("cursor")
    before = read_cursor(cursor, int)[0] if cursor else None
    found = coupons_of(tx, signed_in_member(), COUPONS_SHOWN + 1, before)
    shown, today = found[:COUPONS_SHOWN], company_date(tx)
    codes = {code for coupon in shown for code in coupon.offer.terms.stores}
    stores = stores_by_code(tx, codes) if codes else {}
    return render_phone(
        "phone/coupons.html",
        coupons=_usable_first([(coupon, state_on(coupon, today)) for coupon in shown]),
        state_words=COUPON_WORDS,
        store_names={code: store.name for code, store in stores.items()},
        formats={each.code: each.name for each in format_names(tx)},
        frozen=resolve_member(tx, signed_in_member()).status is MemberStatus.FROZEN,
        next=f"/m/coupons?cursor={make_cursor(shown[-1].id)}" if len(found) > COUPONS_SHOWN else "",
        first="/m/coupons" if cursor else "",
    )


def _usable_first(coupons: list[tuple[Coupon, str]]) -> list[tuple[Coupon, str]]:
    """What pays now, then what will, then what is over; within that the newest first."""
    order = {"issued": 0, "to_come": 1}
    return sorted(coupons, key=lambda each: order.get(each[1], len(order)))


# ------------------------------------------------------------------------------------------------ me
@phone_pages.route("/m/me")
@allow_member
@transactional
def me_page(tx: Tx) -> str:
    """What is known of me, what I allow, the wallet's PIN, and the way out."""
    me = _me(tx)
    home_store = stores_by_code(tx, [me.home_store]).get(me.home_store) if me.home_store else None
    return render_phone(
        "phone/me.html",
        me=me,
        phone=me.in_force(Kind.PHONE),
        card=me.in_force(Kind.CARD),
        store_name=home_store.name if home_store else None,
        allowed=sum(consent.granted for consent in me.consents),
        wallet=state_of(tx, me.id),
        phones=sessions_of(tx, me.id),
        said=flask.request.args.get("said", ""),
    )


@phone_pages.route(CONSENTS_PAGE)
@allow_member
@transactional
def consents_page(tx: Tx) -> str:
    """What I allow, each with the button that ends it, and the words that a yes agrees to."""
    wording = newest_wording(tx)
    return render_phone(
        "phone/consents.html",
        consents=_asked_about(_me(tx)),
        wording=wording.version,
        wording_text=text_of(wording, str(get_locale())),
        done=_done(),
    )


def _asked_about(me: Member) -> list[dict[str, Any]]:
    """What a member is asked about on the phone, and whatever else they ever had a word on; what happens now first.

    `happens`: with the member's yes; working out interests, though, as long as they have not objected.
    """
    shown = [each for each in consents_shown(me.consents) if each["since"] or each["channel"] not in ELSEWHERE]
    kept = [each for each in shown if each["since"] or each["purpose"] is not Purpose.NATIONAL_ID]
    happens = [each["granted"] or (each["purpose"] is Purpose.PROFILING and not each["since"]) for each in kept]
    told = [each | {"happens": now} for each, now in zip(kept, happens, strict=True)]
    return sorted(told, key=lambda each: (not each["happens"], each["purpose"] is Purpose.PROFILING))


@phone_pages.route(CONSENTS_PAGE, methods=["POST"])
@allow_member
def say_consent() -> flask.Response:
    """I say yes or no; a no holds at once."""
    channel, purpose, granted = form_field("channel"), form_field("purpose"), form_field("granted") == "true"
    shown = form_field("wording") or None
    with database().transaction() as tx:
        facts = resolve_member(tx, signed_in_member(), lock="exclusive")
        said = ConsentWord(
            _channel(channel), _purpose(purpose), granted=granted, at=tx.now, wording=shown if granted else None
        )
        check_pair(said.channel, said.purpose)
        say(tx, facts.id, [said], taken_by=f"member:{facts.id}", source="phone")
    return _to(f"{CONSENTS_PAGE}?done={'yes' if granted else 'no'}")


def _done() -> str:
    done = flask.request.args.get("done")
    words = {"yes": gettext("Thank you. We have written that down."), "no": gettext("Withdrawn. It holds from now on.")}
    return str(words.get(done or "", ""))


def _channel(text: str) -> Channel:
    if text not in Channel.__members__.values():
        raise ConsentUnreadable("There is no such consent")
    return Channel(text)


def _purpose(text: str) -> Purpose:
    if text not in Purpose.__members__.values():
        raise ConsentUnreadable("There is no such consent")
    return Purpose(text)


# ------------------------------------------------------------------------------------------------ the wallet
@phone_pages.route(PIN_PAGE)
@allow_member
@transactional
def pin_page(tx: Tx) -> flask.Response:
    """The wallet's PIN: set the first one, or change it."""
    return _pin_page(tx, {}, 200)


@phone_pages.route(PIN_PAGE, methods=["POST"])
@allow_member
def change_pin() -> flask.Response:
    """A new PIN, by the one before, or within minutes of logging in by a code."""
    pin, again = form_field("pin"), form_field("again")
    faults: dict[str, str] = {}
    if pin != again:
        faults = {"again": gettext("The two PINs differ.")}
    else:
        try:
            with database().transaction() as tx:
                me = _me(tx)
                if not is_fresh(tx, _cookie()):
                    check_pin(tx, me.id, form_field("old"))
                phone = me.in_force(Kind.PHONE)
                set_pin(tx, me.id, pin, phone=phone.identifier.value if phone else None, birthday=me.birthday.text)
        except PinTooEasy as fault:
            faults = {"pin": gettext("Too easy to guess: %(why)s.", why=gettext(fault.errors[0].detail))}
        except (ProofWrong, WalletBlocked, PinMissing, PasswordsBusy) as fault:
            faults = {"old": proof_words(fault)}
    if not faults:
        return _to("/m/me?said=pin")
    with database().transaction(read_only=True) as tx:
        return _pin_page(tx, faults, 422)


def _pin_page(tx: Tx, faults: dict[str, str], status: int) -> flask.Response:
    page = render_phone(
        "phone/pin.html", wallet=state_of(tx, signed_in_member()), fresh=is_fresh(tx, _cookie()), faults=faults
    )
    return flask.Response(page, status, mimetype="text/html")


def proof_words(fault: DomainError) -> str:
    """What was wrong with a PIN, for the member who typed it."""
    if isinstance(fault, ProofWrong):
        return str(gettext("The PIN is wrong. Tries left: %(count)s.", count=fault.facts["tries_left"]))
    if isinstance(fault, WalletBlocked):
        return str(gettext("Too many wrong tries. The wallet is shut until %(at)s.", at=moment(fault.until)))
    if isinstance(fault, PinMissing):
        return str(gettext("Log in again by a code to set your first PIN."))
    return str(gettext("Too many attempts. Wait a moment and try again."))


@phone_pages.route("/m/pay")
@allow_member
@transactional
def pay_page(tx: Tx) -> flask.Response:
    """Pay at a counter from the wallet: type the PIN here, show the code there."""
    return _pay_page(tx, None, "", 200)


@phone_pages.route("/m/pay", methods=["POST"])
@allow_member
def show_spend_code() -> flask.Response:
    """The code for one payment, for whoever knows the PIN."""
    member_id = signed_in_member()
    try:
        with database().transaction() as tx:
            check_pin(tx, member_id, form_field("pin"))
            made = new_spend_code(tx, member_id)
    except (ProofWrong, WalletBlocked, PinMissing, PasswordsBusy) as fault:
        with database().transaction(read_only=True) as tx:
            return _pay_page(tx, None, proof_words(fault), 422)
    with database().transaction(read_only=True) as tx:
        return _pay_page(tx, made, "", 200)


def _pay_page(tx: Tx, made: SpendCode | None, fault: str, status: int) -> flask.Response:
    member_id = signed_in_member()
    page = render_phone(
        "phone/pay.html",
        stored=[each for each in balances(accounts_of(tx, member_id, LOTS_LOOKED_AT)) if each.kind == "cash"],
        wallet=state_of(tx, member_id),
        made=made,
        seconds=int(SPEND_CODE_LIFE.total_seconds()),
        fault=fault,
    )
    return flask.Response(page, status, mimetype="text/html")


# ------------------------------------------------------------------------------------------------ the way out
@phone_pages.route("/m/logout", methods=["POST"])
@allow_member
def log_out() -> flask.Response:
    """Sign this phone out, or all of the member's with `everywhere`."""
    with database().transaction() as tx:
        if form_field("everywhere") == "true":
            end_sessions(tx, signed_in_member())
        else:
            end_session(tx, _cookie())
    response = _to(LOGIN)
    response.delete_cookie(COOKIE, path=HOME)
    return response


def _cookie() -> str:
    return flask.request.cookies.get(COOKIE, "")


def _to(address: str) -> flask.Response:
    return flask.make_response(redirect(address, 303))

"""Everything of this package that the web application serves."""

from pathlib import Path

from foundation.http import MenuItem, Room
from foundation.pages import lazy
from member_api.approvals.http import approvals_blueprint
from member_api.approvals.pages import approvals_pages
from member_api.consents.http import consents_blueprint
from member_api.coupons.http import coupons_blueprint
from member_api.coupons.pages import coupons_pages
from member_api.earning.http import earning_blueprint
from member_api.earning.pages import earning_pages
from member_api.identifiers.http import identifiers_blueprint
from member_api.ledger.http import ledger_blueprint
from member_api.ledger.pages import ledger_pages
from member_api.members.http import members_blueprint
from member_api.members.pages import members_pages
from member_api.permissions import ACCOUNTS_APPROVE, COUPONS_READ, MEMBERS_READ, MEMBERS_WRITE, RULES_READ
from member_api.phone.entry_pages import entry_pages
from member_api.phone.invitation_pages import invitation_pages
from member_api.phone.pages import phone_pages
from member_api.tiers.http import tiers_blueprint
from member_api.topups.http import topups_blueprint

HERE = Path(__file__).parent

room = Room(
    name="member_api",
    blueprints=[
        members_blueprint,
        tiers_blueprint,
        consents_blueprint,
        identifiers_blueprint,
        ledger_blueprint,
        earning_blueprint,
        approvals_blueprint,
        coupons_blueprint,
        topups_blueprint,
    ],
    pages=[
        members_pages,
        ledger_pages,
        approvals_pages,
        earning_pages,
        coupons_pages,
        entry_pages,
        phone_pages,
        invitation_pages,
    ],
    menu=[
        MenuItem(lazy("Members"), "/members", MEMBERS_READ, "members", 20),
        MenuItem(lazy("Signs for joining"), "/invitations", MEMBERS_WRITE, "qr", 22),
        MenuItem(lazy("Approvals"), "/approvals", ACCOUNTS_APPROVE, "check", 26),
        MenuItem(lazy("Coupons"), "/coupons", COUPONS_READ, "coins", 62, lazy("Marketing")),
        MenuItem(lazy("Earning rules"), "/earning-rules", RULES_READ, "rules", 82),
    ],
    translations=sorted(HERE.glob("**/translations")),
    static=HERE / "static",
)

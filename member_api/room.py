"""Everything of this package that the web application serves."""

from foundation.http import Room
from member_api.approvals.http import approvals_blueprint
from member_api.consents.http import consents_blueprint
from member_api.earning.http import earning_blueprint
from member_api.identifiers.http import identifiers_blueprint
from member_api.ledger.http import ledger_blueprint
from member_api.members.http import members_blueprint
from member_api.tiers.http import tiers_blueprint

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
    ],
)

"""Everything of this package that the web application serves."""

from pathlib import Path

from foundation.http import MenuItem, Room
from foundation.pages import lazy
from marketing.campaigns.http import campaigns_blueprint
from marketing.campaigns.pages import campaigns_pages
from marketing.messages.http import messages_blueprint
from marketing.messages.inbox_pages import inbox_pages
from marketing.messages.pages import messages_pages
from marketing.permissions import CAMPAIGNS_READ, LISTS_READ, MESSAGES_READ, TASKS_MANAGE, TASKS_READ
from marketing.target_lists.http import target_lists_blueprint
from marketing.target_lists.pages import target_lists_pages
from marketing.tasks.help_pages import help_pages
from marketing.tasks.http import tasks_blueprint
from marketing.tasks.pages import tasks_pages
from marketing.tasks.service_pages import service_blueprint, service_pages
from marketing.triggers.http import triggers_blueprint
from marketing.triggers.pages import triggers_pages

HERE = Path(__file__).parent

room = Room(
    name="marketing",
    blueprints=[
        target_lists_blueprint,
        campaigns_blueprint,
        triggers_blueprint,
        messages_blueprint,
        tasks_blueprint,
        service_blueprint,
    ],
    pages=[
        campaigns_pages,
        triggers_pages,
        messages_pages,
        inbox_pages,
        help_pages,
        target_lists_pages,
        tasks_pages,
        service_pages,
    ],
    menu=[
        MenuItem(lazy("Campaigns"), "/campaigns", CAMPAIGNS_READ, "tag", 52, lazy("Marketing")),
        MenuItem(lazy("Triggers"), "/triggers", CAMPAIGNS_READ, "clock", 53, lazy("Marketing")),
        MenuItem(lazy("Target lists"), "/target-lists", LISTS_READ, "members", 50, lazy("Marketing")),
        MenuItem(lazy("Messages"), "/messages", MESSAGES_READ, "message", 53, lazy("Marketing")),
        MenuItem(lazy("Tasks"), "/tasks", TASKS_READ, "list", 15, count="/v1/tasks/waiting"),
        MenuItem(lazy("Follow-up"), "/follow-up", TASKS_MANAGE, "phone", 54, lazy("Marketing")),
    ],
    static=HERE / "static",
    translations=sorted(HERE.glob("**/translations")),
)

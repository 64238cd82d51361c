"""How another package hangs a tab of its own into a member's page.

`add_tab` at import time; in the view, `framed(tx, member)` (raises MemberUnknown) and `render_member(template, framed,
**context)`, with a template that extends `members/member.html` and fills its block `section`.
"""

from member_api.members.frame import Framed, MemberTab, add_tab, framed, render_member

__all__ = ["Framed", "MemberTab", "add_tab", "framed", "render_member"]

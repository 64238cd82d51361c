"""How another package shows a member something of its own on the member's phone.

`allow_member` is the view's permission: a member who is signed in, about themselves. `signed_in_member()` is who that
is; show nothing of anybody else. `render_phone(template, **context)` renders a template that extends `phone/page.html`,
`add_phone_tab` hangs an entry into the bar at the bottom and `add_home_link` a line into the home page, at import time.
"""

from member_api.phone.frame import HomeLink, PhoneTab, add_home_link, add_phone_tab, render_phone
from member_api.phone.sessions import allow_member, signed_in_member

__all__ = [
    "HomeLink",
    "PhoneTab",
    "add_home_link",
    "add_phone_tab",
    "allow_member",
    "render_phone",
    "signed_in_member",
]

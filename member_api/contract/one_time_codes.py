"""One-time codes that wait to be sent to phones; for whoever sends text messages.

`member.code_asked` {"code": id} says that one waits. Every function takes the open transaction first and never commits
it. What `codes_to_send` returns is used and forgotten: number and code are never stored, logged or passed on, and its
text form hides them. Call it in a transaction of its own, speak to the gateway after the commit, then tell
`codes_sent`. Whoever dies in between loses nothing: the lease ends after seconds, and the code is handed out again
under its name.
"""

from member_api.phone.codes import ASKED_TOPIC, CodeToSend, any_to_send, codes_sent, codes_to_send
from member_api.phone.rules import CODE_LIFE

__all__ = ["ASKED_TOPIC", "CODE_LIFE", "CodeToSend", "any_to_send", "codes_sent", "codes_to_send"]

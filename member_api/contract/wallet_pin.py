"""How a member proves at a counter that the wallet is theirs: its PIN, or a one-time code that their phone shows.

Both count a try first, in a transaction of their own that commits whatever becomes of `tx`; after five wrong ones the
wallet is shut for a quarter of an hour, each time twice as long. A right code is used up at once; `request`, a digest
of the very request that it is to prove (who asks, under which key, what), makes that request right for ten minutes:
sent again because an answer was lost, it is not asked again, and any other is. Call them before the settlement's
transaction.

Errors: ProofWrong (422, `tries_left`), PinMissing (422: the member sets one on the phone page), WalletBlocked (403,
`until`). Nothing of it says more about the member than that.
"""

from member_api.phone.pins import PinMissing, PinState, ProofWrong, WalletBlocked, check_code, check_pin, state_of

__all__ = ["PinMissing", "PinState", "ProofWrong", "WalletBlocked", "check_code", "check_pin", "state_of"]

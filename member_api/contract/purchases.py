"""What the sales intake tells the accounts, and what it may ask of them.

Posting a sale takes two steps inside the caller's transaction, so that a batch shares its round trips:

1. `ask_shoppers` in a round trip: who the receipts name, member rows share-locked in order of id, and their accounts,
   locked in order of id. `complete_wallets` where something is spent. (`ask_buyers`: who they are, without accounts.)
2. `post_purchase` per sale, in order, on the wallets; then `record` once. Nothing is written before the commit.

Errors: InsufficientBalance (nothing has changed), PurchaseUnknown (no record of the purchase to reverse).
"""

from member_api.earning.operations import RuleVersion, rules_at
from member_api.earning.rules import Earned, EarnLine, Programme, earn, earn_base
from member_api.ledger.rules import InsufficientBalance, Kind, Lot, Wallet
from member_api.ledger.wallets import (
    AskedWallets,
    ask_wallets,
    complete_wallets,
    lock_wallet,
    read_wallet,
    record,
    today,
)
from member_api.purchases.buyers import AskedBuyers, AskedShoppers, Buyer, Named, ask_buyers, ask_shoppers
from member_api.purchases.moving import Moved, PurchaseNotMovable, move_purchase
from member_api.purchases.operations import (
    LineFacts,
    LineReturn,
    PointsBlock,
    Purchase,
    PurchaseUnknown,
    Reversal,
    Spend,
    plan_reversal,
    points_block,
    post_purchase,
    record_reversal,
    usable_at,
)

__all__ = [
    "AskedBuyers",
    "AskedShoppers",
    "AskedWallets",
    "Buyer",
    "EarnLine",
    "Earned",
    "InsufficientBalance",
    "Kind",
    "LineFacts",
    "LineReturn",
    "Lot",
    "Moved",
    "Named",
    "PointsBlock",
    "Programme",
    "Purchase",
    "PurchaseNotMovable",
    "PurchaseUnknown",
    "Reversal",
    "RuleVersion",
    "Spend",
    "Wallet",
    "ask_buyers",
    "ask_shoppers",
    "ask_wallets",
    "complete_wallets",
    "earn",
    "earn_base",
    "lock_wallet",
    "move_purchase",
    "plan_reversal",
    "points_block",
    "post_purchase",
    "read_wallet",
    "record",
    "record_reversal",
    "rules_at",
    "today",
    "usable_at",
]

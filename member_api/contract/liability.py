"""What the company owes its members, for reports: sums only, nothing about anybody.

`outstanding(tx)` takes the open transaction and reads only. Points have no currency of their own: their face value is
in the company's.
"""

from member_api.ledger.liabilities import Outstanding, outstanding
from member_api.ledger.rules import Kind

__all__ = ["Kind", "Outstanding", "outstanding"]

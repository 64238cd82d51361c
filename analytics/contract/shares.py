"""What pages may ask of share of customer: how much of what members like this one buy, this one buys here.

`shares_of_member(tx, member_id)` takes the open transaction first and only reads; needs scores.read of whoever sees
it. Errors: LakeDamaged.
"""

from analytics.expectations.operations import MemberShare, shares_of_member
from analytics.lake.reading import LakeDamaged

__all__ = ["LakeDamaged", "MemberShare", "shares_of_member"]

"""A made-up department store beside the real groceries: sixty counters whose customers pay once for all of them.

Nothing in here is real; every name says so or cannot be anybody's. Its weeks up to yesterday were rung at tills, today
goes over e-tickets, handhelds and desks; why, stands in docs/adr/0081. Everything is posted over HTTP with the tokens
of machines, like the rest of the demo.
"""

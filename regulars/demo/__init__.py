"""The demo: a year of real grocery sales, posted to a running Regulars over HTTP like any till would.

What is real and what is made up stands in docs/demo.md.
"""

"""What members will probably do next, from what they did before a day.

Nothing here knows of a database, a lake or a retailer: arrays in, arrays out, the same bytes for the same arrays.
"""

"""The lake: every sale line by line in Parquet files, with two roll-ups, complete up to a position of the events."""

"""The first page of the day: how sales went, how the members are, where they are heading."""

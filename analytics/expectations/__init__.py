"""What is to be expected of members like this one: kept once a night, asked for one member at a time."""

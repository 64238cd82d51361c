"""The handheld: counter staff issue tickets, see that they are paid, hand the goods over; with or without a network."""

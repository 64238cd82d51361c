"""The tills of a store: which there are, which numbers of their receipts are missing, how their day goes."""

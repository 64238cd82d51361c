"""Everything that makes the house start, stop, keep running, be saved and be brought back."""

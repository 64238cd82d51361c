"""Top-ups: what members pay in, and the bonus that comes with it."""

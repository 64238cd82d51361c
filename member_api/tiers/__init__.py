"""A member's standing: imported, set by hand, or earned by spend, always with dates."""

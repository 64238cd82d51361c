"""What promotions bring, and which members wait for them (RETAIL section 5)."""

"""The member's own phone: logging in by a code, what the phone shows, the wallet's PIN, joining."""

"""Where personal data rests: sealed under a key of the member's own, which erasing destroys."""

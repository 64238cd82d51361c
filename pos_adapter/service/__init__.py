"""What receipts say about who serves whom, and what somebody bought since."""

"""What each member has been worth (contribution) and where each is heading (potential)."""

"""Giving back: red tickets (红票) of the selling counter, refunded by the desk."""

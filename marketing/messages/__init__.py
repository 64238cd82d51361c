"""Messages to members: what is said, the one gate, the way to the gateway, and what came of it."""

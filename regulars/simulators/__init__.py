"""Stand-ins for the outside world, as programs of their own behind a real socket: for the demo and for tests."""

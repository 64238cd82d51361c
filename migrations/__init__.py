"""The numbered migrations of the one database, one schema per package, one head."""

"""Who the member is: creating, finding, changing, freezing."""

"""What the rest of the house may ask of member_api: a file for each role."""

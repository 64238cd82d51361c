"""What analytics shows to the packages above it: a file for each role."""

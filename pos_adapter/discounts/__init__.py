"""How much a clerk may take off alone, and the managers' codes for more."""

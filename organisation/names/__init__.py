"""Legal units, regions, formats and suppliers: named things that come into being when something mentions them."""

"""How sales come in: products, tills, POSLog, files, handheld e-tickets, the cash desk, payments."""

"""How receipts are paid: a registry, not a closed list."""

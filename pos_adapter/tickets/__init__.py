"""E-tickets (电子开票): what counter staff issue, and a cash desk settles."""

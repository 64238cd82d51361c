"""How a store's day goes: sales, returns, the members' share, and what needs somebody."""

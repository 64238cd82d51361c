"""The store's day: shifts and what was counted, what has to agree, the close, and figures that never change again."""

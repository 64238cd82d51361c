"""Standing rules: whoever comes to fit a filter is treated, once an occasion, after somebody approved the rule."""

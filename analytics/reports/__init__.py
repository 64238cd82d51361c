"""Reports of sales for people and office systems: by place and area, by structure, by promotion."""

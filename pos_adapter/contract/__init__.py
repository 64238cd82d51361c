"""What analytics and marketing may ask of pos_adapter: a file per role, the open transaction first, nothing commits."""

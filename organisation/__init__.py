"""Who we are: legal units, regions, formats, stores, counters, staff, roles and their scope, devices."""

"""Every figure that the house speaks of, defined once: words, unit, source, and one Ibis expression each.

`catalogue.MEASURES` has them all by name; `computing.compute` works them out over the lake.
"""

"""Benchmarks: the product beside floors that are of the same run, on the same servers (`make bench`)."""

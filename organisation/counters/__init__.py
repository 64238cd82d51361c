"""Counters (专柜): whose goods a store sells where, on what terms, on how many square metres."""

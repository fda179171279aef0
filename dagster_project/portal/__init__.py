"""The district offices' site: lists, scorecards and returned work orders, for those who may see them.

It reads published manifests and files, and never the warehouse, so it works while a run is going on.
"""

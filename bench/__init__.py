"""Measurements: what a month costs, and what a bare job of the same size costs in the same run."""

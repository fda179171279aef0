"""The work itself: nothing below this package knows Dagster."""

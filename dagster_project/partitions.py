"""The one partitioning: calendar months."""

import dagster as dg

FIRST_MONTH = "2000-01"

monthly = dg.MonthlyPartitionsDefinition(start_date=FIRST_MONTH, fmt="%Y-%m", end_offset=1)
"""Up to and including the current month: its delivery may be looked at before it closes."""

whole_range = dg.BackfillPolicy.single_run()
"""A backfill over many months is one run, because starting dbt costs more than building a month."""

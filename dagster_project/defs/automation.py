"""When things run: the month-close job, its schedule, and the sensor that sees deliveries by content."""

import json

import dagster as dg

from dagster_project.lib import deliveries, months, work_returns
from dagster_project.lib.wording import text
from dagster_project.partitions import monthly
from dagster_project.settings import Settings

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
TIME_ZONE = "Asia/Shanghai"


@dg.definitions
def automation() -> dg.Definitions:
    """The job, the schedule and the sensor."""
    language = Settings.from_environment().language
    month_close = dg.define_asset_job(
        "month_close",
        selection=dg.AssetSelection.all(),
        partitions_def=monthly,
        executor_def=dg.in_process_executor,
        description=text("assets.month_close", language),
        tags={"dagster/max_runtime": str(6 * 3600)},
    )

    @dg.schedule(
        name="monthly_close",
        job=month_close,
        cron_schedule="0 6 4 * *",
        execution_timezone=TIME_ZONE,
        description=text("assets.monthly_close", language),
    )
    def monthly_close(
        context: dg.ScheduleEvaluationContext, settings: dg.ResourceParam[Settings]
    ) -> dg.RunRequest | dg.SkipReason:
        month = months.shift(context.scheduled_execution_time.strftime("%Y-%m"), -1)
        delivery_id = waiting_deliveries(settings).get(month)
        if delivery_id is None:
            return dg.SkipReason(text("assets.not_delivered_yet", settings.language, month=month))
        return run_request(settings, month, delivery_id)

    @dg.sensor(
        name="delivery_sensor",
        job=month_close,
        minimum_interval_seconds=300,
        description=text("assets.delivery_sensor", language),
    )
    def delivery_sensor(context: dg.SensorEvaluationContext, settings: dg.ResourceParam[Settings]) -> dg.SensorResult:
        return look_for_deliveries(settings, context.cursor)

    return dg.Definitions(jobs=[month_close], schedules=[monthly_close], sensors=[delivery_sensor])


def look_for_deliveries(settings: Settings, cursor: str | None) -> dg.SensorResult:
    """Ask for a run for every month whose delivery is new by content and has stopped changing.

    The cursor remembers what each month's delivery was at the last look: one that is still being
    copied is another delivery at every look, and is waited for.
    """
    seen: dict[str, str] = json.loads(cursor) if cursor else {}
    now = waiting_deliveries(settings)
    known = {(entry.month, entry.delivery_id) for entry in deliveries.entries(settings)}
    requests = [
        run_request(settings, month, delivery_id)
        for month, delivery_id in sorted(now.items())
        if seen.get(month) == delivery_id and (month, delivery_id) not in known
    ]
    return dg.SensorResult(run_requests=requests, cursor=json.dumps(now, sort_keys=True))


def waiting_deliveries(settings: Settings) -> dict[str, str]:
    """The ids of the deliveries in the landing folder, by month.

    Returned work orders arrive weeks before the month's dumps; alone they are no delivery yet.
    """
    found = {month: deliveries.find(settings, month) for month in deliveries.delivered_months(settings)}
    return {month: each.delivery_id for month, each in found.items() if not work_returns.is_all_of(each)}


def run_request(settings: Settings, month: str, delivery_id: str) -> dg.RunRequest:
    """A run of ``month`` and of every later accepted month, whose figures look back on it.

    The key holds the delivery's content: the same content is asked for once, a correction again.
    """
    last = max([month, *deliveries.accepted(settings)])
    return dg.RunRequest(
        run_key=f"{month}:{delivery_id}", job_name="month_close", tags={RANGE_START_TAG: month, RANGE_END_TAG: last}
    )

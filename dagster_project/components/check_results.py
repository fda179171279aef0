"""Check outcomes of the work, as Dagster's asset checks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import dagster as dg

from dagster_project.lib.checks import CheckOutcome, ExpectationSpec

_SHOWN_KEYS = 20


def check_specs(asset: dg.AssetKey, expectations: Iterable[ExpectationSpec], language: str) -> list[dg.AssetCheckSpec]:
    """One asset check per expectation; a blocking one keeps everything downstream from running."""
    return [
        dg.AssetCheckSpec(
            expectation.id,
            asset=asset,
            blocking=expectation.severity == "blocking",
            description=expectation.zh if language == "zh" else expectation.en,
            metadata={"severity": expectation.severity},
        )
        for expectation in expectations
    ]


def summarise(
    specs: Sequence[dg.AssetCheckSpec], outcomes: Mapping[str, Sequence[CheckOutcome]]
) -> Iterator[dg.AssetCheckResult]:
    """One result per check over all months of a run; it passes when every month passes."""
    for spec in specs:
        of_check = {
            month: outcome for month, found in outcomes.items() for outcome in found if outcome.check_id == spec.name
        }
        failed = {month: outcome for month, outcome in of_check.items() if not outcome.passed}
        yield dg.AssetCheckResult(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=not failed,
            severity=dg.AssetCheckSeverity.ERROR if spec.blocking else dg.AssetCheckSeverity.WARN,
            metadata=_metadata(of_check, failed),
        )


def _metadata(
    of_check: Mapping[str, CheckOutcome], failed: Mapping[str, CheckOutcome]
) -> dict[str, dg.MetadataValue | int]:
    keys = [f"{month}: {key}" for month, outcome in failed.items() for key in outcome.failing_keys]
    observed = {month: dict(outcome.observed) for month, outcome in of_check.items()}
    return {
        "months": len(of_check),
        "failed_months": len(failed),
        "failing_rows": sum(outcome.failing_count for outcome in failed.values()),
        "observed": dg.MetadataValue.json(observed),
        **({"failing_keys": dg.MetadataValue.md("\n".join(f"* {key}" for key in keys[:_SHOWN_KEYS]))} if keys else {}),
    }

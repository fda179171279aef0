"""``retention``: the pipeline from the command line.

Exit status: 0 done, 2 wrong usage or configuration, 3 the delivery was refused, 1 anything else.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from dagster_project import console
from dagster_project.lib import dbt, deliveries, months, rules, work_returns
from dagster_project.lib import mapping as source_mapping
from dagster_project.lib.months import InvalidMonth
from dagster_project.lib.wording import text
from dagster_project.portal.commands import portal
from dagster_project.settings import PROJECT_ROOT, InvalidSettings, Settings

REFUSED = 3


class _Month(click.ParamType):
    name = "YYYY-MM"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Refuse what is not a month, with how to write one."""
        try:
            return months.parse(value)
        except InvalidMonth as error:
            self.fail(str(error), param, ctx)


MONTH = _Month()
FOLDER = click.Path(file_okay=False, path_type=Path)
WORKBOOK = click.Path(exists=True, dir_okay=False, path_type=Path)


def _place_options(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--landing", type=FOLDER, help="Where deliveries arrive, one folder a month."),
        click.option("--home", type=FOLDER, help="Everything that is written goes here (default ./var)."),
        click.option("--mapping", type=FOLDER, help="Source mapping folder (sources.yml and SQL)."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _month_options(command: Callable[..., None]) -> Callable[..., None]:
    options = (
        click.option("--month", type=MONTH, help="One month."),
        click.option("--from", "first", type=MONTH, help="First month of several."),
        click.option("--to", "last", type=MONTH, help="Last month of several."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Monthly churn facts, retention marts, lists and scorecards for a telecom operator's branch."""


@main.command()
@_month_options
@_place_options
@click.option("--force", is_flag=True, help="Also run months whose inputs and configuration did not change.")
def run(
    month: str | None,
    first: str | None,
    last: str | None,
    landing: Path | None,
    home: Path | None,
    mapping: Path | None,
    force: bool,
) -> None:
    """Ingest, validate, transform, export and publish one month or several."""
    settings = _settings(landing, home, mapping)
    sys.exit(_run_months(settings, _requested(month, first, last), force=force))


@main.command()
@_month_options
@_place_options
def check(
    month: str | None,
    first: str | None,
    last: str | None,
    landing: Path | None,
    home: Path | None,
    mapping: Path | None,
) -> None:
    """Tell what would happen to a delivery; change nothing."""
    from dagster_project.lib import rehearsal  # noqa: PLC0415  (great_expectations takes seconds to import)

    settings = _settings(landing, home, mapping)
    refused = False
    for each in _requested(month, first, last):
        try:
            found = rehearsal.rehearse(settings, each)
        except deliveries.DeliveryMissing as missing:
            raise click.UsageError(str(missing)) from missing
        console.show_admission(found, settings.language)
        refused = refused or bool(found.refusals)
    sys.exit(REFUSED if refused else 0)


@main.command()
@click.option("--month", type=MONTH, required=True, help="The month with whose delivery the contacts arrive.")
@click.option("--landing", type=FOLDER, help="Where deliveries arrive, one folder a month.")
@click.option("--home", type=FOLDER, help="The home folder (default ./var).")
@click.argument("files", type=WORKBOOK, nargs=-1, required=True, metavar="FILE...")
def collect(month: str, landing: Path | None, home: Path | None, files: tuple[Path, ...]) -> None:
    """Deliver what account managers wrote into their work orders as contacts of a month, all of it or nothing."""
    settings = _settings(landing, home, None)
    returns = [work_returns.read_return(file, month, str(file)) for file in dict.fromkeys(files)]
    collected = work_returns.collect(returns, settings.landing, month)
    if collected.problems:
        for problem in collected.problems:
            console.say(work_returns.told(problem, settings.language))
        console.say(text("work_returns.refused", settings.language, problems=len(collected.problems)))
        sys.exit(REFUSED)
    _deliver(settings, month, collected, len(returns))


def _deliver(settings: Settings, month: str, collected: work_returns.Collected, workbooks: int) -> None:
    counts = {"workbooks": workbooks, "contacts": len(collected.contacts)}
    if collected.contacts:
        path = work_returns.deliver_contacts(collected.contacts, settings.landing, month)
        console.say(text("work_returns.collected", settings.language, **counts, path=path))
        for remark in work_returns.remarks(settings, month):
            console.say(remark)
    else:
        console.say(text("work_returns.collected_nothing", settings.language, **counts))
    if collected.left_out:
        console.say(text("work_returns.left_out", settings.language, count=collected.left_out))


@main.command()
@click.option("--month", type=MONTH, required=True, help="The month whose lists are made again.")
@click.option("--publication", help="Which publication of it (default: the one that holds).")
@_place_options
def replay(month: str, publication: str | None, landing: Path | None, home: Path | None, mapping: Path | None) -> None:
    """Make the lists of a published month again and compare them with its manifest; changes nothing."""
    from dagster_project.lib.exports import catalog, edition, replay  # noqa: PLC0415  (only this command needs them)

    settings = _settings(landing, home, mapping)
    current = edition.current(settings).get(month)
    name = publication or (current.name if current else "")
    try:
        made = replay.replay_lists(settings, catalog.read_catalog(dbt.prepare_manifest(settings)), month, name)
    except replay.NotReplayable as error:
        raise click.UsageError(str(error)) from error
    outcome = "different" if made.different else "same"
    facts = {"publication": name, "files": made.files, "different": ", ".join(made.different)}
    console.say(text(f"console.replay_{outcome}", settings.language, **facts))
    sys.exit(1 if made.different else 0)


@main.command()
@click.option("--home", type=FOLDER, help="The home folder to look at (default ./var).")
@click.option("--landing", type=FOLDER, help="Where deliveries arrive.")
@click.option("--mapping", type=FOLDER, help="Source mapping folder.")
def status(home: Path | None, landing: Path | None, mapping: Path | None) -> None:
    """Show the ledger: deliveries, published months, versions, what is late or blocked."""
    console.show_status(_settings(landing, home, mapping))


@main.command()
@click.option("--out", type=FOLDER, required=True, help="Folder to write the dumps to, one folder a month.")
@click.option("--subscribers", type=click.IntRange(min=50), default=20_000, show_default=True)
@click.option("--months", "count", type=click.IntRange(min=1), default=18, show_default=True)
@click.option("--seed", type=int, default=2011, show_default=True)
@click.option("--fault", help="Spoil the last month in a named way; 'list' names them all.")
@click.option("--manipulation", help="Have one unit game its figures in a named way; 'list' names them all.")
def generate(out: Path, subscribers: int, count: int, seed: int, fault: str | None, manipulation: str | None) -> None:
    """Write the dumps of a made-up operator, with the truth about it beside them."""
    from dagster_project.synth import dumps, faults, manipulations  # noqa: PLC0415  (numpy is not needed elsewhere)
    from dagster_project.synth.world import InvalidPlan, OperatorPlan  # noqa: PLC0415

    if fault == "list":
        console.show_faults(faults.FAULTS)
        return
    if fault and fault not in faults.FAULTS:
        raise click.UsageError(f"unknown fault {fault!r}; use one of: {', '.join(faults.FAULTS)}")
    if manipulation == "list":
        console.show_manipulations(manipulations.MANIPULATIONS)
        return
    plan = OperatorPlan(subscribers=subscribers, months=count, seed=seed, manipulation=manipulation)
    try:
        manipulations.planted(plan)
    except (manipulations.UnknownManipulation, InvalidPlan) as error:
        raise click.UsageError(str(error)) from error
    with console.progress("generate") as step:
        dumps.generate(plan, out, step)
    if fault:
        faults.spoil(out, fault)
    console.say(f"{out}")


@main.command()
@click.option("--home", type=FOLDER, help="Everything that is written goes here (default ./var).")
@click.option("--subscribers", type=click.IntRange(min=50), default=20_000, show_default=True)
@click.option("--months", "count", type=click.IntRange(min=1), default=18, show_default=True)
@click.option("--seed", type=int, default=2011, show_default=True)
def demo(home: Path | None, subscribers: int, count: int, seed: int) -> None:
    """Make up an operator, run every month through the pipeline, and show what came out."""
    from dagster_project import runs  # noqa: PLC0415
    from dagster_project.synth.world import OperatorPlan  # noqa: PLC0415

    settings = dataclasses.replace(_settings(None, home, None), event_log="quick")
    if settings.landing.is_dir():
        shutil.rmtree(settings.landing)
    amounts = {"--subscribers": subscribers, "--months": count, "--seed": seed}
    options = [word for name, amount in amounts.items() for word in (name, str(amount))]
    command = [sys.executable, "-m", "dagster_project.cli", "generate", "--out", str(settings.landing), *options]
    # in a process of its own: the dumps take as long to write as the tools take to load
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as generation:
        prepare(settings)
        runs.load_job()
    if generation.returncode:
        sys.exit(1)
    first = OperatorPlan(subscribers=subscribers, months=count, seed=seed).first_month
    sys.exit(_run_months(settings, months.between(first, months.shift(first, count - 1)), force=False))


@main.command()
@_place_options
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=3000, show_default=True)
def serve(landing: Path | None, home: Path | None, mapping: Path | None, host: str, port: int) -> None:
    """Dagster's UI with its daemon (schedule and sensor). It has no login: keep it inside."""
    settings = _settings(landing, home, mapping)
    prepare(settings)
    command = ["dagster", "dev", "-w", str(PROJECT_ROOT / "workspace.yaml"), "-h", host, "-p", str(port)]
    sys.exit(subprocess.run([str(Path(sys.executable).with_name(command[0])), *command[1:]], check=False).returncode)


@main.command("prepare")
@_place_options
def prepare_command(landing: Path | None, home: Path | None, mapping: Path | None) -> None:
    """Parse the dbt project and lay out the home folder, as every other command does when needed."""
    prepare(_settings(landing, home, mapping))


@main.command()
@click.option("--home", type=FOLDER, help="The home folder (default ./var).")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=PROJECT_ROOT / "docs" / "metrics.md",
    help="The page to write (default docs/metrics.md).",
)
def dictionary(home: Path | None, out: Path) -> None:
    """Write the metric dictionary: definitions, formulas, grain, sources, thresholds and their validity."""
    from dagster_project.lib.exports import catalog, metrics  # noqa: PLC0415  (only this command needs them)

    manifest = dbt.prepare_manifest(_settings(None, home, None))
    metrics.write_metrics(catalog.read_catalog(manifest), out)
    console.say(f"{out}")


main.add_command(portal)


def prepare(settings: Settings) -> None:
    """Make Dagster's instance folder and the dbt manifest, if they are missing or out of date."""
    settings.export()
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(PROJECT_ROOT / "dagster_project" / "dagster.yaml", settings.dagster_home / "dagster.yaml")
    dbt.prepare_manifest(settings)


def _settings(landing: Path | None, home: Path | None, mapping: Path | None) -> Settings:
    try:
        settings = Settings.from_environment({**os.environ, **({"RETENTION_HOME": str(home)} if home else {})})
    except InvalidSettings as error:
        raise click.UsageError(str(error)) from error
    if mapping and not mapping.is_dir():
        raise click.UsageError(f"--mapping {mapping} is not a folder")
    if landing and not landing.is_dir():
        raise click.UsageError(f"--landing {landing} is not a folder")
    settings = dataclasses.replace(
        settings,
        landing=landing.resolve() if landing else settings.landing,
        mapping=mapping.resolve() if mapping else settings.mapping,
    )
    try:
        if settings.mapping:
            source_mapping.load(settings.mapping)
    except source_mapping.InvalidMapping as error:
        raise click.UsageError(str(error)) from error
    settings.export()
    return settings


def _requested(month: str | None, first: str | None, last: str | None) -> tuple[str, ...]:
    if month and not (first or last):
        return (month,)
    if first and last and not month:
        found = months.between(first, last)
        if found:
            return found
        raise click.UsageError(f"--from {first} is after --to {last}")
    raise click.UsageError("give --month, or --from and --to, for example --month 2011-10")


def _run_months(settings: Settings, requested: Sequence[str], *, force: bool) -> int:
    try:
        rules.require_sound_scorecards()
    except rules.InvalidRules as error:
        raise click.UsageError(str(error)) from error
    prepare(settings)
    from dagster_project import runs  # noqa: PLC0415  (Dagster takes seconds to import)

    with console.progress("run") as progress:
        result = runs.run_months(settings, requested, progress, force=force)
    console.show_run(settings, result)
    return result.exit_status


if __name__ == "__main__":
    main()

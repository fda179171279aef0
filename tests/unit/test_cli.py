"""What the commands promise: exit status, words and files. Runs that publish are in tests/pipeline."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from delivered import GOOD, MONTH, Branch

from dagster_project import cli, runs
from dagster_project.lib import deliveries, ingestion, rules
from dagster_project.lib.deliveries import LedgerEntry
from dagster_project.lib.planning import RunPlan
from dagster_project.runs import RunResult
from dagster_project.synth.faults import FAULTS
from dagster_project.synth.manipulations import MANIPULATIONS

Call = Callable[..., Result]

UNREADABLE = {"billing_bills.csv": b""}
SPOILT = {"billing_bills.csv": GOOD["billing_bills.csv"].replace("12.30", "cheap")}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands put their settings into the environment; here they must not outlive a test."""
    before = dict(os.environ)
    for name in [name for name in before if name.startswith("RETENTION_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RETENTION_LANGUAGE", "en")
    monkeypatch.setenv("RETENTION_QUARANTINE_SHARE_LIMIT", "1")
    yield
    for name in set(os.environ) - set(before):
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def branch(tmp_path: Path) -> Branch:
    return Branch(tmp_path / "home", {"landing": tmp_path / "landing"})


@pytest.fixture
def call(branch: Branch) -> Call:
    def called(command: str, *arguments: str) -> Result:
        branch.settings.landing.mkdir(exist_ok=True)
        places = ("--home", str(branch.home), "--landing", str(branch.settings.landing))
        return CliRunner().invoke(cli.main, [command, *arguments, *places])

    return called


def tree(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file below a folder: the hash of its bytes and when it was written."""
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def words(result: Result) -> str:
    """What a person reads, tables' borders and line breaks left out."""
    return " ".join(re.sub(r"[│┃━─┏┓┗┛├┤┼╇╈╋┡┩┴┬┳┻└┘┌┐]", " ", result.output).split())


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--month", "2011-13"), "2011-13"),
        (("--month", "October"), "October"),
        (("--from", "2011-11", "--to", "2011-10"), "--from 2011-11 is after --to 2011-10"),
        (("--from", "2011-10"), "give --month, or --from and --to"),
        (("--month", "2011-10", "--to", "2011-11"), "give --month, or --from and --to"),
        ((), "give --month, or --from and --to"),
        (("--month", "2011-10", "--colour", "red"), "--colour"),
        (("--month", "2011-10", "--mapping", "no/such/folder"), "no/such/folder"),
    ],
)
def test_wrong_usage_is_told_with_exit_status_2(
    call: Call, branch: Branch, command: str, arguments: tuple[str, ...], told: str
) -> None:
    result = call(command, *arguments)
    assert result.exit_code == 2
    assert told in result.output
    assert not branch.home.exists()


@pytest.mark.parametrize("command", ["run", "check", "status"])
def test_a_landing_folder_that_is_not_there_is_wrong_usage(tmp_path: Path, command: str) -> None:
    month = () if command == "status" else ("--month", "2011-10")
    result = CliRunner().invoke(cli.main, [command, *month, "--landing", str(tmp_path / "nowhere")])
    assert result.exit_code == 2
    assert "nowhere" in result.output


def test_a_setting_that_cannot_be_used_is_wrong_usage(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETENTION_WAREHOUSE", "oracle")
    result = call("check", "--month", MONTH)
    assert result.exit_code == 2
    assert "RETENTION_WAREHOUSE" in result.output


def test_a_mapping_that_cannot_be_used_is_told_with_its_file_and_key(call: Call, tmp_path: Path) -> None:
    (tmp_path / "sources.yml").write_text("files: [{name: a}]")
    result = call("check", "--month", MONTH, "--mapping", str(tmp_path))
    assert result.exit_code == 2
    assert "sources.yml" in result.output
    assert "pattern" in result.output


def test_checking_a_month_that_nobody_delivered_is_wrong_usage(call: Call) -> None:
    result = call("check", "--month", MONTH)
    assert result.exit_code == 2
    assert f"nothing was delivered for {MONTH}" in words(result)


def test_checking_a_good_delivery_tells_of_every_row(call: Call, branch: Branch) -> None:
    branch.deliver(SPOILT)
    result = call("check", "--month", MONTH)
    assert result.exit_code == 0
    assert f"{MONTH} would be accepted" in words(result)
    assert "billing_bills 1 2 1 1 0 unparsable_value 1" in words(result)
    assert "billing_bills.csv:3 total_fee [unparsable_value]" in result.output
    assert "crm_groups not delivered" in words(result)


def test_checking_tells_of_columns_and_files_that_are_not_read(call: Call, branch: Branch) -> None:
    bills = "subscriber_id,bill_month,total_fee,colour\nU1,2011-10,58.00,red\n"
    branch.deliver({"billing_bills.csv": bills, "readme.txt": "hello"})
    result = call("check", "--month", MONTH)
    assert result.exit_code == 0
    assert "not read: colour" in words(result)
    assert "readme.txt" in words(result)


def test_checking_a_bad_delivery_tells_why_with_exit_status_3(call: Call, branch: Branch) -> None:
    branch.deliver(UNREADABLE)
    result = call("check", "--month", MONTH)
    assert result.exit_code == 3
    assert f"{MONTH} would be refused" in words(result)
    assert "billing_bills.csv [empty_file]" in result.output
    assert "deliver it again" in words(result)


@pytest.mark.parametrize("files", [SPOILT, UNREADABLE])
def test_checking_changes_nothing(call: Call, branch: Branch, tmp_path: Path, files: dict[str, str | bytes]) -> None:
    branch.accept(branch.deliver())
    branch.deliver(files)
    before = tree(tmp_path)
    call("check", "--month", MONTH)
    assert tree(tmp_path) == before


def test_checking_needs_no_home(call: Call, branch: Branch) -> None:
    branch.deliver()
    assert call("check", "--month", MONTH).exit_code == 0
    assert not branch.home.exists()


def refuse(branch: Branch, files: dict[str, str | bytes | None], month: str = MONTH) -> None:
    delivery = branch.deliver(files, month)
    reports = branch.reports(delivery)
    ingestion.refuse(branch.settings, delivery, reports, [r for report in reports.values() for r in report.refusals])


def lines_of(result: Result, month: str) -> list[str]:
    return [" ".join(re.sub(r"[│┃]", " ", line).split()) for line in result.output.splitlines() if month in line]


def test_the_status_tells_what_became_of_every_delivery(call: Call, branch: Branch) -> None:
    branch.accept(branch.deliver())
    branch.accept(branch.deliver(SPOILT))
    refuse(branch, UNREADABLE, "2011-11")
    branch.deliver(month="2011-12")
    result = call("status")
    assert result.exit_code == 0
    october, november, december = (lines_of(result, month) for month in (MONTH, "2011-11", "2011-12"))
    first, second = deliveries.entries(branch.settings, MONTH)
    assert {entry.state for entry in (first, second)} == {"superseded", "accepted"}
    assert any("superseded" in line for line in october)
    assert any("accepted 4 1" in line for line in october)
    assert "inputs or configuration changed" in " ".join(october)
    assert "refused" in november[0]
    assert "correct and deliver again" in november[0]
    assert december == ["2011-12 waiting not run yet"]


def test_a_correction_of_a_refused_delivery_is_waiting_to_be_run(call: Call, branch: Branch) -> None:
    refuse(branch, UNREADABLE)
    assert "correct and deliver again" in lines_of(call("status"), MONTH)[0]
    branch.deliver()
    (line,) = lines_of(call("status"), MONTH)
    assert "refused" in line
    assert "not run yet" in line


def test_the_status_of_an_empty_home_is_an_empty_ledger(call: Call, branch: Branch) -> None:
    result = call("status")
    assert result.exit_code == 0
    assert "2011" not in result.output
    assert not branch.home.exists()


def test_the_list_of_faults_names_all_of_them_and_writes_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.main, ["generate", "--out", str(tmp_path / "out"), "--fault", "list"])
    assert result.exit_code == 0
    assert all(name in result.output for name in FAULTS)
    assert not (tmp_path / "out").exists()


def test_an_unknown_fault_is_wrong_usage(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.main, ["generate", "--out", str(tmp_path / "out"), "--fault", "earthquake"])
    assert result.exit_code == 2
    assert "truncated_gzip" in result.output


def test_the_list_of_manipulations_names_all_of_them_and_writes_nothing(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli.main, ["generate", "--out", str(tmp_path / "out"), "--manipulation", "list"])
    assert result.exit_code == 0
    assert all(name in result.output for name in MANIPULATIONS)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [("magic",), ("other_causes", "--months", "3")])
def test_a_manipulation_that_cannot_be_made_is_wrong_usage(tmp_path: Path, options: tuple[str, ...]) -> None:
    arguments = ["generate", "--out", str(tmp_path / "out"), "--manipulation", *options]
    result = CliRunner().invoke(cli.main, arguments)
    assert result.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_a_fault_spoils_the_last_month_that_was_made(tmp_path: Path) -> None:
    size = ("--subscribers", "60", "--months", "2")
    for name, options in (("good", ()), ("bad", ("--fault", "zero_bytes"))):
        arguments = ["generate", "--out", str(tmp_path / name), *size, *options]
        assert CliRunner().invoke(cli.main, arguments).exit_code == 0
    bad = tmp_path / "bad"
    assert (bad / "2011-02" / "billing_usage.csv").read_bytes() == b""
    assert tree(tmp_path / "good" / "2011-01").values() != []
    first, same = (
        sorted(file.read_bytes() for file in (tmp_path / name / "2011-01").iterdir()) for name in ("good", "bad")
    )
    assert first == same


def entry(month: str) -> LedgerEntry:
    refusal = {
        "data_set": "billing_bills",
        "file": "bills.csv",
        "line": 7,
        "column": "total_fee",
        "reason_code": "too_many_quarantined",
        "reason": "Too many.",
        "remedy": "Deliver again.",
    }
    return LedgerEntry(month, "abc", "refused", None, (), {}, (refusal,), (), "", "")


@pytest.mark.parametrize(
    ("undelivered", "published", "refused", "error", "status"),
    [
        ((), (MONTH,), None, None, 0),
        ((), (), None, None, 0),
        ((MONTH,), (), None, None, 2),
        ((MONTH,), ("2011-11",), None, None, 0),
        ((), (), entry(MONTH), "a step failed", 3),
        ((), ("2011-09",), entry(MONTH), "a step failed", 3),
        ((), (), None, "a step failed", 1),
    ],
)
def test_a_run_ends_with_the_exit_status_of_what_became_of_it(
    undelivered: tuple[str, ...],
    published: tuple[str, ...],
    refused: LedgerEntry | None,
    error: str | None,
    status: int,
) -> None:
    plan = RunPlan((MONTH,), (), undelivered, None, None)
    assert RunResult(plan, published, refused, error).exit_status == status


def test_running_a_month_that_nobody_delivered_tells_where_to_put_it(
    call: Call, branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "prepare", lambda settings: None)
    result = call("run", "--month", MONTH)
    assert result.exit_code == 2
    assert f"{MONTH} was not delivered" in words(result)
    assert str(branch.settings.landing) in result.output.replace("\n", "")


def test_a_refused_run_tells_place_reason_and_remedy(
    call: Call, branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = RunResult(RunPlan((MONTH,), (), (), MONTH, MONTH), (), entry(MONTH), "step failed")
    monkeypatch.setattr(cli, "prepare", lambda settings: None)
    monkeypatch.setattr(runs, "run_months", lambda *arguments, **options: found)
    result = call("run", "--month", MONTH)
    assert result.exit_code == 3
    assert "bills.csv:7 total_fee [too_many_quarantined] Too many. Deliver again." in words(result)
    assert "unchanged" in words(result)


def test_a_run_under_rules_that_contradict_themselves_ends_with_status_2_before_anything_is_made(
    call: Call, branch: Branch, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = {name: rules.seed(name) for name in ("scorecard_kpis", "scorecard_targets")}
    weights = [row for row in rules.seed("scorecard_weights") if row["kpi_code"] != "silent"]
    monkeypatch.setattr(rules, "seed", {**rows, "scorecard_weights": weights}.__getitem__)
    result = call("run", "--month", MONTH)
    assert result.exit_code == 2
    assert "the weights of a district sum to 97 from 2000-01 on, not to 100" in result.output
    assert not branch.home.exists()

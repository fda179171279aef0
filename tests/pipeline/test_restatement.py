"""A month delivered again, late, or not at all; and that the same deliveries give the same bytes in any order."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from dagster_project.lib.exports.catalog import Catalog
from dagster_project.lib.exports.replay import NotReplayable, replay_lists
from dagster_project.synth.editing import Delivery
from tests.commandline import Branch, Said, actual_hashes, is_whole, manifest

pytestmark = pytest.mark.slow

MONTHS = ("2011-01", "2011-02", "2011-03")
LEAVERS = 5
OF_THE_RUN = ("run_id", "supersedes")
"""What a manifest says of how it came about, and not of what it holds."""


def correct(landing: Path) -> list[str]:
    """Deliver 2011-02 again: five subscribers who were said to be active had cancelled on the 9th."""
    delivery = Delivery(landing / "2011-02")
    dump = delivery.read(delivery.files("crm_subscribers")[0], "crm_subscribers")
    status, date, countable = (dump.position(name) for name in ("status", "status_date", "is_countable"))
    joined, identifier = dump.position("join_date"), dump.position("subscriber_id")
    following = Delivery(landing / "2011-03")
    after = following.read(following.files("crm_subscribers")[0], "crm_subscribers")
    stays = {
        one for one, state in zip(after.values("subscriber_id"), after.values("status"), strict=True) if state == "在用"
    }
    chosen = [
        row
        for row in dump.rows
        if row[status] == "在用" and row[countable] == "是" and row[identifier] in stays and row[joined] < "2011"
    ][:LEAVERS]
    for row in chosen:
        row[status], row[date] = "销号", "2011/02/09"
    delivery.write(dump)
    return [row[identifier] for row in chosen]


def identifiers(landing: Path, month: str) -> list[str]:
    delivery = Delivery(landing / month)
    files = delivery.files("crm_subscribers")
    return [one for file in files for one in delivery.read(file, "crm_subscribers").values("subscriber_id")]


def bill_a_leaver_of_january_in_march(landing: Path) -> None:
    """A bill of somebody whom only January's snapshot knows: unknown, as long as January is."""
    seen_later = {*identifiers(landing, "2011-02"), *identifiers(landing, "2011-03")}
    leaver = next(one for one in identifiers(landing, "2011-01") if one not in seen_later)
    delivery = Delivery(landing / "2011-03")
    dump = delivery.read(delivery.files("billing_bills")[0], "billing_bills")
    late = list(dump.rows[0])
    late[dump.position("subscriber_id")] = leaver
    dump.rows.append(late)
    delivery.write(dump)


def deliver_no_reference_data_in_february(landing: Path) -> None:
    """Plans and districts of January apply: accepted long ago, or read a moment ago in the same run."""
    for data_set in ("crm_plans", "crm_districts"):
        Delivery(landing / "2011-02").remove(data_set)


@dataclass(frozen=True)
class Restated:
    """The published branch, and the same after 2011-02 was delivered again and run.

    March was delivered again with it, with a bill of somebody who left in January; and February without reference data.
    """

    before: Branch
    branch: Branch
    said: Said
    leavers: list[str]
    earlier: Mapping[str, Path]
    """Where each month's publication was before, in the branch."""


@pytest.fixture(scope="module")
def restated(published: Branch, tmp_path_factory: pytest.TempPathFactory) -> Restated:
    branch = published.copy(tmp_path_factory.mktemp("restated"))
    earlier = branch.current
    leavers = correct(branch.landing)
    bill_a_leaver_of_january_in_march(branch.landing)
    deliver_no_reference_data_in_february(branch.landing)
    said = branch.call("run", "--month", "2011-02")
    assert said.exit_status == 0, said.words
    return Restated(published, branch, said, leavers, earlier)


def test_the_corrected_month_and_the_published_ones_after_it_change(restated: Restated) -> None:
    now, before = restated.branch.current, restated.earlier
    assert now["2011-01"] == before["2011-01"]
    assert now["2011-02"] != before["2011-02"]
    assert now["2011-03"] != before["2011-03"]
    assert "2011-02" in restated.said.words
    assert "2011-03" in restated.said.words
    assert [entry.state for entry in restated.branch.states("2011-02")].count("superseded") == 1


def test_the_correction_is_in_the_marts_of_its_month_and_of_the_next(restated: Restated) -> None:
    def figures(branch: Branch) -> pd.DataFrame:
        rows = branch.rows(
            f"""
            select month, opening_count, churned_count, appeared_count, reinstated_count, closing_count
            from {branch.series("mart_churn_trend")} where scope_type = 'network' order by month
            """
        )
        names = ["month", "opening", "churned", "appeared", "reinstated", "closing"]
        return pd.DataFrame(rows, columns=names).set_index("month")

    change = figures(restated.branch) - figures(restated.before)
    assert change.loc["2011-01"].tolist() == [0, 0, 0, 0, 0]
    assert change.loc["2011-02"].tolist() == [0, LEAVERS, 0, 0, -LEAVERS]
    # In March the source still has them: they churned in February, so they are back.
    assert change.loc["2011-03"].tolist() == [-LEAVERS, 0, 0, LEAVERS, 0]


def test_the_churn_events_are_those_that_were_corrected(restated: Restated) -> None:
    def leavers(branch: Branch) -> set[str]:
        query = f"select subscriber_id from {branch.series('fct_churn')} where month = '2011-02'"
        return {row[0] for row in branch.rows(query)}

    assert leavers(restated.branch) - leavers(restated.before) == set(restated.leavers)
    assert leavers(restated.before) <= leavers(restated.branch)


def test_the_earlier_publication_stays_readable(restated: Restated) -> None:
    for month, folder in restated.earlier.items():
        assert is_whole(folder)
        assert manifest(folder)["publication_id"] == restated.before.current[month].name
    now = restated.branch.manifest("2011-02")
    assert now["supersedes"] == restated.earlier["2011-02"].name
    assert now["deliveries"]["2011-02"] != manifest(restated.earlier["2011-02"])["deliveries"]["2011-02"]


def test_every_publication_holds_the_bytes_that_its_manifest_states(restated: Restated) -> None:
    assert all(is_whole(folder) for folder in restated.branch.current.values())


def test_the_lists_of_a_past_publication_are_made_again_byte_for_byte(restated: Restated) -> None:
    past = restated.earlier["2011-02"].name
    lists = [path for path in manifest(restated.earlier["2011-02"])["files"] if path.endswith((".xlsx", ".csv"))]
    others = ("scorecard.xlsx", "comparison.xlsx", "report.xlsx", "data_dictionary.xlsx")
    made = [path for path in lists if not path.endswith(others)]
    said = restated.branch.call("replay", "--month", "2011-02", "--publication", past)
    assert said.exit_status == 0, said.words
    assert f"{len(made)} files" in said.words


def test_a_replay_tells_which_list_is_not_what_the_manifest_says(restated: Restated, tmp_path: Path) -> None:
    branch = restated.branch.copy(tmp_path)
    stated = branch.current["2011-03"] / "manifest.json"
    content = json.loads(stated.read_text(encoding="utf-8"))
    content["files"]["network/silent.xlsx"]["sha256"] = "0" * 64
    stated.write_text(json.dumps(content), encoding="utf-8")
    said = branch.call("replay", "--month", "2011-03")
    assert said.exit_status == 1
    assert said.words.strip().endswith("network/silent.xlsx")


def test_a_publication_of_other_settings_or_of_nobody_is_not_replayed(restated: Restated) -> None:
    assert restated.branch.call("replay", "--month", "2011-02", "--publication", "nobody").exit_status == 2
    settings = replace(restated.branch.settings, language="zh")
    with pytest.raises(NotReplayable, match="另一套"):
        replay_lists(settings, Catalog((), {}), "2011-02", restated.earlier["2011-02"].name)


def test_an_unchanged_run_leaves_everything_alone(restated: Restated) -> None:
    before = actual_hashes(restated.branch.home)
    said = restated.branch.run(MONTHS[0], MONTHS[-1])
    assert said.exit_status == 0
    assert all(f"{month} is up to date" in said.words for month in MONTHS)
    assert actual_hashes(restated.branch.home) == before


@pytest.mark.thorough
def test_a_run_by_force_without_the_warehouse_gives_the_same_bytes(restated: Restated, tmp_path: Path) -> None:
    branch = restated.branch.copy(tmp_path)
    before = {month: actual_hashes(folder) for month, folder in branch.current.items()}
    shutil.rmtree(branch.home / "warehouse")
    # Without the publications nothing but a new computation can give these bytes.
    shutil.rmtree(branch.home / "published")
    said = branch.run(MONTHS[0], MONTHS[-1], "--force")
    assert said.exit_status == 0, said.words
    assert branch.bytes_of(MONTHS) == restated.branch.bytes_of(MONTHS)
    assert {month: folder.name for month, folder in branch.current.items()} == {
        month: folder.name for month, folder in restated.branch.current.items()
    }
    after = {month: actual_hashes(folder) for month, folder in branch.current.items()}
    assert [sorted(name for name in after[m] if after[m][name] != before[m][name]) for m in MONTHS] == [
        ["manifest.json"]
    ] * 3


@dataclass(frozen=True)
class Step:
    """What one command said, and what was current after it."""

    said: Said
    current: Mapping[str, Path]


@dataclass(frozen=True)
class Ordered:
    """The deliveries of the restated branch in a new home: March alone, then January, February last."""

    branch: Branch
    march: Step
    gap: Step
    """A range in which February is not delivered."""
    whole: Step


@pytest.fixture(scope="module")
def ordered(restated: Restated, tmp_path_factory: pytest.TempPathFactory) -> Ordered:
    folder = tmp_path_factory.mktemp("ordered")
    branch = Branch(folder / "home", folder / "landing")

    def arrive(month: str, *arguments: str) -> Step:
        shutil.copytree(restated.branch.landing / month, branch.landing / month)
        said = branch.call("run", *arguments)
        assert said.exit_status == 0, said.words
        return Step(said, branch.current)

    march = arrive("2011-03", "--month", "2011-03")
    gap = arrive("2011-01", "--from", MONTHS[0], "--to", MONTHS[-1])
    return Ordered(branch, march, gap, arrive("2011-02", "--month", "2011-02"))


@pytest.mark.thorough
def test_a_month_that_was_never_delivered_is_left_out_and_told(ordered: Ordered) -> None:
    assert "2011-02 was not delivered" in ordered.gap.said.words
    assert list(ordered.gap.current) == ["2011-01", "2011-03"]
    assert "2011-02" not in manifest(ordered.gap.current["2011-03"])["deliveries"]


@pytest.mark.thorough
def test_the_month_after_a_gap_is_treated_as_a_first_month(ordered: Ordered) -> None:
    snapshot = snapshot_of(ordered.branch.landing, "2011-03")
    counted = snapshot[snapshot["is_countable"] == "是"]
    joined_before = pd.to_datetime(counted["join_date"]) < "2011-03-01"
    is_terminal = counted["status"].isin(["销号", "局拆", "携出"])
    left_in_month = pd.to_datetime(counted["status_date"], errors="coerce") >= "2011-03-01"
    opening = counted[joined_before & (~is_terminal | left_in_month)]
    ((opened, churned, appeared, vanished),) = ordered.branch.rows(
        f"""
        select opening_count, churned_count, appeared_count, vanished_count
        from read_parquet('{ordered.gap.current["2011-03"]}/marts/mart_churn_trend.parquet')
        where scope_type = 'network'
        """
    )
    assert opened == len(opening)
    assert churned == len(counted[is_terminal & left_in_month])
    assert (appeared, vanished) == (0, 0)


@pytest.mark.thorough
def test_months_run_in_another_order_give_the_same_bytes_under_the_same_names(
    ordered: Ordered, restated: Restated
) -> None:
    assert list(ordered.branch.current) == list(MONTHS)
    assert ordered.branch.bytes_of(MONTHS) == restated.branch.bytes_of(MONTHS)
    for month in MONTHS:
        one, other = ordered.branch.current[month], restated.branch.current[month]
        assert one.name == other.name
        assert is_whole(one)
        assert content(one) == content(other)


@pytest.mark.thorough
def test_an_earlier_month_takes_the_published_ones_after_it_with_it(ordered: Ordered) -> None:
    steps = (ordered.march, ordered.gap, ordered.whole)
    assert [list(step.current) for step in steps] == [["2011-03"], ["2011-01", "2011-03"], list(MONTHS)]
    marches = [step.current["2011-03"].name for step in steps]
    assert len(set(marches)) == len(steps)
    assert ordered.gap.current["2011-01"].name == ordered.whole.current["2011-01"].name
    assert manifest(ordered.whole.current["2011-03"])["supersedes"] == marches[1]


@pytest.mark.thorough
def test_a_row_that_an_earlier_month_explains_leaves_quarantine_when_that_month_arrives(ordered: Ordered) -> None:
    def kept_out(step: Step) -> int:
        quality = f"read_parquet('{step.current['2011-03']}/marts/mart_delivery_quality.parquet')"
        query = f"select quarantined_count from {quality} where data_set = 'billing_bills'"
        return int(ordered.branch.rows(query)[0][0])

    assert [kept_out(step) for step in (ordered.march, ordered.gap, ordered.whole)] == [1, 0, 0]


def content(publication: Path) -> dict[str, Any]:
    return {name: value for name, value in manifest(publication).items() if name not in OF_THE_RUN}


def snapshot_of(landing: Path, month: str) -> pd.DataFrame:
    delivery = Delivery(landing / month)
    dump = delivery.read(delivery.files("crm_subscribers")[0], "crm_subscribers")
    names = ("subscriber_id", "is_countable", "join_date", "status", "status_date")
    return pd.DataFrame({name: list(dump.values(name)) for name in names})

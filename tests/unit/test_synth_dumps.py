from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import synth_landing as landing_files

from dagster_project.lib import contract
from dagster_project.lib.contract import Column, DataSet, Kind, Period
from dagster_project.synth.dumps import LandingInUse, generate
from dagster_project.synth.world import InvalidPlan, OperatorPlan

read = functools.cache(landing_files.read)
PLAN = OperatorPlan(subscribers=2_000, months=8, block_size=900)


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("landing")
    generate(PLAN, out)
    return out


@pytest.fixture(scope="module")
def snapshots(landing: Path) -> pd.DataFrame:
    frames = [read(folder, "crm_subscribers") for folder in landing_files.month_folders(landing)]
    frame = pd.concat(frames, ignore_index=True)
    frame["month"] = landing_files.month_text(frame["snapshot_month"])
    frame["is_terminal"] = frame["status"].isin(landing_files.TERMINAL)
    for name in ("join_date", "status_date"):
        frame[name] = pd.to_datetime(frame[name])
    return frame


def everything(landing: Path, data_set: str) -> pd.DataFrame:
    frames = [read(folder, data_set).assign(month=folder.name) for folder in landing_files.month_folders(landing)]
    return pd.concat(frames, ignore_index=True)


def truth(landing: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(landing / "truth" / f"{name}.parquet")


def test_the_same_plan_gives_the_same_bytes(tmp_path: Path) -> None:
    plan = OperatorPlan(subscribers=400, months=3, block_size=150)
    generate(plan, tmp_path / "once")
    generate(plan, tmp_path / "again")
    assert landing_files.hashes(tmp_path / "once") == landing_files.hashes(tmp_path / "again")


def test_another_seed_gives_another_operator(tmp_path: Path) -> None:
    generate(OperatorPlan(subscribers=100, months=1), tmp_path / "one")
    generate(OperatorPlan(subscribers=100, months=1, seed=7), tmp_path / "other")
    one, other = (landing_files.hashes(tmp_path / name) for name in ("one", "other"))
    assert one["2011-01/crm_subscribers.csv"] != other["2011-01/crm_subscribers.csv"]


def test_every_month_holds_every_data_set_and_a_manifest(landing: Path) -> None:
    folders = landing_files.month_folders(landing)
    assert [folder.name for folder in folders] == list(PLAN.month_names)
    for folder in folders:
        assert (folder / "manifest.json").is_file()
        assert all(landing_files.parts(folder, name) for name in contract.DATA_SETS)


def test_the_manifest_is_true_of_every_file(landing: Path) -> None:
    for folder in landing_files.month_folders(landing):
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        assert manifest["month"] == folder.name
        assert {said["name"] for said in manifest["files"]} == {path.name for path in folder.iterdir()} - {
            "manifest.json"
        }
        found = landing_files.hashes(folder)
        for said in manifest["files"]:
            rows = landing_files.read_file(folder / said["name"], _data_set_of(said["name"]))
            assert said["rows"] == len(rows)
            assert said["sha256"] == found[said["name"]]
            for column, total in said.get("totals", {}).items():
                assert sum(map(Decimal, rows[column]), Decimal(0)) == Decimal(str(total))


def _data_set_of(name: str) -> str:
    return max((data_set for data_set in contract.DATA_SETS if name.startswith(data_set)), key=len)


# --- every data set keeps the contract ------------------------------------------------------------------


def _is_parsable(column: Column, values: pd.Series) -> bool:
    patterns = {
        Kind.MONTH: r"\d{4}[-/]?(0[1-9]|1[0-2])",
        Kind.MSISDN: r"1[3-9]\d{9}",
        Kind.DATE: r"\d{4}[-/]?\d{2}[-/]?\d{2}",
        Kind.TIMESTAMP: r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}",
        Kind.MONEY: r"-?[\d,]+\.\d{2}",
        Kind.NUMBER: r"-?\d+(\.\d+)?",
        Kind.COUNT: r"\d+",
        Kind.BOOL: r"true|false|1|0|Y|N|是|否",
        Kind.IDENTIFIER: r"[0-9A-Za-z_]+",
        Kind.TEXT: r".+",
    }
    if column.kind is Kind.ENUM:
        return bool(values.isin([*column.values, *column.values.values()]).all())
    return bool(values.str.fullmatch(patterns[column.kind]).all())


def _is_in_period(column: Column, values: pd.Series, month: str) -> bool:
    of_month = landing_files.month_text(values)
    if column.period is Period.SAME_MONTH:
        return bool((of_month == month).all())
    return bool((of_month <= month).all())


def _problems(data_set: DataSet, frame: pd.DataFrame, month: str) -> list[str]:
    problems = []
    for column in data_set.columns:
        given = frame.loc[frame[column.name] != "", column.name]
        rules: dict[str, Callable[[], bool]] = {
            "parsable": lambda column=column, given=given: _is_parsable(column, given),
            "given": lambda column=column, given=given: not column.required or len(given) == len(frame),
            "in period": lambda column=column, given=given: (
                column.period is None or _is_in_period(column, given, month)
            ),
        }
        problems += [
            f"{month} {data_set.name}.{column.name} is not {name}" for name, holds in rules.items() if not holds()
        ]
    if frame.duplicated(list(data_set.key)).any():
        problems.append(f"{month} {data_set.name} repeats a key")
    return problems


@pytest.mark.parametrize("name", contract.DATA_SETS)
def test_every_row_keeps_the_contract(landing: Path, name: str) -> None:
    data_set = contract.DATA_SETS[name]
    for folder in landing_files.month_folders(landing):
        frame = read(folder, name)
        assert set(frame.columns) == {column.name for column in data_set.columns}
        assert _problems(data_set, frame.fillna("").replace({"None": "", "<NA>": ""}), folder.name) == []


@pytest.mark.parametrize("name", contract.DATA_SETS)
def test_every_reference_is_known(landing: Path, name: str) -> None:
    for folder in landing_files.month_folders(landing):
        frame = read(folder, name)
        for column in contract.DATA_SETS[name].columns:
            if column.references:
                data_set, key = column.references.split(".")
                known = set(read(folder, data_set)[key]) | {""}
                assert set(frame[column.name]) <= known


def test_rows_are_of_subscribers_in_the_months_snapshot(landing: Path) -> None:
    for folder in landing_files.month_folders(landing):
        there = set(read(folder, "crm_subscribers")["subscriber_id"])
        for name in ("billing_bills", "billing_usage", "billing_payments", "billing_call_circle", "crm_contacts"):
            assert set(read(folder, name)["subscriber_id"]) <= there


def test_a_bills_total_is_its_parts_less_the_discount(landing: Path) -> None:
    bills = everything(landing, "billing_bills")
    names = ["rent_fee", "voice_fee", "data_fee", "sms_fee", "vas_fee", "other_fee", "discount", "total_fee"]
    fen = {name: (bills[name].str.replace(".", "", regex=False)).astype(int) for name in names}
    assert (sum(fen[name] for name in names[:6]) - fen["discount"] == fen["total_fee"]).all()
    assert (fen["total_fee"] >= 0).all()


def test_usage_is_consistent_within_its_row(landing: Path) -> None:
    usage = everything(landing, "billing_usage").replace("", None)
    number = usage.drop(columns=["subscriber_id", "usage_month", "month", "last_activity_date"]).astype(float)
    idle = number["active_days"] == 0
    assert (number[idle].drop(columns="active_days") == 0).all(axis=None)
    assert (number["distinct_called"] <= number["calls_out"]).all()
    assert (number["forward_offnet_calls"] <= number["forward_calls"]).all()
    assert ((number["mou_out"] > 0) == (number["calls_out"] > 0)).all()
    last = pd.to_datetime(usage["last_activity_date"])
    assert (last.dt.strftime("%Y-%m")[~idle] == usage["month"][~idle]).all()
    assert (number["active_days"] <= last.dt.day)[~idle].all()


# --- snapshots and flows --------------------------------------------------------------------------------


def test_a_leavers_final_row_is_in_the_month_of_the_termination(snapshots: pd.DataFrame) -> None:
    leavers = snapshots[snapshots["is_terminal"]]
    assert len(leavers) > 300
    assert (leavers["status_date"].dt.strftime("%Y-%m") == leavers["month"]).all()
    assert (leavers["status_date"] >= leavers["join_date"]).all()


def test_nobody_is_absent_without_having_left(snapshots: pd.DataFrame) -> None:
    months = list(PLAN.month_names)
    by_month = {month: frame.set_index("subscriber_id") for month, frame in snapshots.groupby("month")}
    for before, after in itertools.pairwise(months):
        stayed = set(by_month[before].index[~by_month[before]["is_terminal"]])
        left = set(by_month[before].index[by_month[before]["is_terminal"]])
        assert stayed <= set(by_month[after].index)
        returned = by_month[after].loc[sorted(left & set(by_month[after].index))]
        assert (returned["status_date"].dt.strftime("%Y-%m") == after).all()


def test_a_subscribers_identity_never_changes(snapshots: pd.DataFrame) -> None:
    stable = ["join_date", "msisdn", "customer_id", "imei_hash", "pay_account", "channel_code", "group_id"]
    assert (snapshots.groupby("subscriber_id")[stable].nunique() <= 1).all(axis=None)
    assert snapshots.groupby("msisdn")["subscriber_id"].nunique().max() == 1


def _flows_of_the_dumps(snapshots: pd.DataFrame) -> pd.DataFrame:
    """Opening, new, … per month and district, from the snapshots alone, in plain sets."""
    counted = snapshots[snapshots["is_countable"] == "是"]
    rows, before, churned_before = [], {}, set()
    for position, (month, frame) in enumerate(sorted(counted.groupby("month"), key=lambda item: item[0])):
        district = dict(zip(frame["subscriber_id"], frame["district_code"], strict=True))
        joined = set(frame["subscriber_id"][frame["join_date"].dt.strftime("%Y-%m") == month])
        terminal = set(frame["subscriber_id"][frame["is_terminal"]])
        if position == 0:
            before = {line: code for line, code in district.items() if line not in joined}
        for code in [f"51200{number}" for number in range(1, 9)]:
            here = {line for line, at in district.items() if at == code}
            was_here = {line for line, at in before.items() if at == code}
            rows.append(
                {
                    "month": month,
                    "district_code": code,
                    "opening": len(was_here),
                    "new": len(here & joined),
                    "reinstated": len((here & churned_before) - set(before)),
                    "churned": len(here & terminal),
                    "moved_in": len((here & set(before)) - was_here),
                    "moved_out": len(was_here - here),
                    "closing": len(here - terminal),
                    "same_month_churned": len(here & joined & terminal),
                }
            )
        churned_before |= terminal
        before = {line: code for line, code in district.items() if line not in terminal}
    return pd.DataFrame(rows)


def test_the_flows_of_the_truth_are_those_of_the_dumps(landing: Path, snapshots: pd.DataFrame) -> None:
    found = _flows_of_the_dumps(snapshots).set_index(["month", "district_code"]).sort_index()
    planned = truth(landing, "flows").set_index(["month", "district_code"]).sort_index()
    pd.testing.assert_frame_equal(found, planned, check_dtype=False)
    assert (planned[["reinstated", "moved_in", "churned", "new"]].sum() > 0).all()


def test_opening_plus_all_that_came_minus_all_that_went_is_closing(landing: Path) -> None:
    flows = truth(landing, "flows")
    came = flows["opening"] + flows["new"] + flows["reinstated"] + flows["moved_in"]
    assert (came - flows["churned"] - flows["moved_out"] == flows["closing"]).all()


def test_the_tiny_district_has_three_to_ten_subscribers(landing: Path) -> None:
    flows = truth(landing, "flows")
    closing = flows.loc[flows["district_code"] == "512008", "closing"]
    assert closing.between(3, 10).all()


# --- what is planted is there ---------------------------------------------------------------------------


def test_every_termination_of_the_truth_is_in_the_dumps(landing: Path, snapshots: pd.DataFrame) -> None:
    planned = truth(landing, "subscribers").dropna(subset=["churn_month"])
    found = snapshots[snapshots["is_terminal"]]
    planned_pairs = set(zip(planned["subscriber_id"], planned["churn_month"], strict=True))
    assert planned_pairs == set(zip(found["subscriber_id"], found["month"], strict=True))


def test_behaviour_ends_with_the_last_activity_or_payment(landing: Path) -> None:
    leavers = truth(landing, "subscribers").dropna(subset=["churn_month"])
    leavers = leavers[leavers["reinstated_month"].isna()].set_index("subscriber_id")
    usage = everything(landing, "billing_usage")
    payments = everything(landing, "billing_payments")
    active = usage[usage["active_days"] != "0"]
    last_use = pd.to_datetime(active["last_activity_date"]).groupby(active["subscriber_id"]).max()
    last_payment = pd.to_datetime(payments["paid_at"]).dt.normalize().groupby(payments["subscriber_id"]).max()
    last = pd.concat([last_use, last_payment], axis=1).max(axis=1).reindex(leavers.index)
    planned = pd.to_datetime(leavers["behavioural_churn_date"]).astype(last.dtype)
    assert planned.notna().sum() > 200
    pd.testing.assert_series_equal(planned, last, check_names=False)
    assert (planned.dropna() <= pd.to_datetime(leavers["termination_date"])[planned.notna()]).all()


def test_arrears_leavers_were_suspended_and_left_with_debts(landing: Path, snapshots: pd.DataFrame) -> None:
    leavers = truth(landing, "subscribers")
    leavers = leavers[(leavers["kind"] == "passive") & (leavers["churn_month"] > "2011-04")]
    assert len(leavers) > 30
    suspended = snapshots[snapshots["status"] == "欠费停机"]
    months_suspended = suspended.groupby("subscriber_id").size().reindex(leavers["subscriber_id"])
    assert months_suspended.between(1, 4).all()
    final = snapshots[snapshots["is_terminal"]].set_index("subscriber_id").loc[leavers["subscriber_id"]]
    assert (final["status"] == "局拆").all()
    bills = everything(landing, "billing_bills")
    owed = bills.assign(arrears=bills["arrears"].astype(float)).groupby("subscriber_id")["arrears"].last()
    assert (owed.reindex(leavers["subscriber_id"]).fillna(0) > 0).mean() > 0.8
    payments = everything(landing, "billing_payments")
    stopped = set(zip(suspended["subscriber_id"], suspended["month"], strict=True))
    paid = set(zip(payments["subscriber_id"], payments["month"], strict=True))
    is_leaver = set(leavers["subscriber_id"])
    assert not {pair for pair in stopped & paid if pair[0] in is_leaver}


def test_hoarded_lines_lie_idle_and_end_in_the_month_after_the_assessment(
    landing: Path, snapshots: pd.DataFrame
) -> None:
    lines = truth(landing, "subscribers")
    hoarded = lines[lines["is_hoarded"]].merge(truth(landing, "dealers"), on="channel_code")
    assert set(hoarded["channel_code"]) == {"K001", "K002"}
    assert hoarded["is_hoarding"].all()
    ended = hoarded.dropna(subset=["churn_month"])
    joined, left = pd.to_datetime(ended["join_date"]), pd.to_datetime(ended["churn_month"] + "-01")
    lived = (left.dt.year - joined.dt.year) * 12 + left.dt.month - joined.dt.month
    assert (lived - ended["assessment_months"]).isin([0, 1]).all()
    assert (lived == ended["assessment_months"]).mean() > 0.75
    usage = everything(landing, "billing_usage")
    calls = usage["calls_out"].astype(int).groupby(usage["subscriber_id"]).sum()
    assert (calls.reindex(hoarded["subscriber_id"]) <= 3).all()
    payments = everything(landing, "billing_payments").groupby("subscriber_id").size()
    assert payments.reindex(hoarded["subscriber_id"]).fillna(0).max() <= 1
    handsets = snapshots[snapshots["subscriber_id"].isin(hoarded["subscriber_id"])]
    assert handsets["imei_hash"].nunique() < handsets["subscriber_id"].nunique() / 2


def test_a_swap_is_a_new_line_of_the_same_person_within_sixty_days(landing: Path, snapshots: pd.DataFrame) -> None:
    swaps = truth(landing, "swaps")
    assert len(swaps) >= 10
    assert swaps["new_subscriber_id"].is_unique
    assert swaps["old_subscriber_id"].is_unique
    apart = pd.to_datetime(swaps["new_join_date"]) - pd.to_datetime(swaps["old_termination_date"])
    assert (apart.abs() <= pd.Timedelta(days=60)).all()
    people = snapshots.drop_duplicates("subscriber_id").set_index("subscriber_id")
    old, new = people.loc[swaps["old_subscriber_id"]], people.loc[swaps["new_subscriber_id"]]
    assert list(old["customer_id"]) == list(new["customer_id"]) == list(swaps["customer_id"])
    assert (old["imei_hash"].to_numpy() == new["imei_hash"].to_numpy()).mean() > 0.5
    circle = everything(landing, "billing_call_circle").groupby("subscriber_id")["contact_hash"].agg(set)
    pairs = [(circle.get(one, set()), circle.get(two, set())) for one, two in zip(old.index, new.index, strict=True)]
    assert sum(len(one & two) >= 2 for one, two in pairs if one and two) > len(swaps) / 2


def test_those_who_fade_use_less_in_the_month_before_they_leave(landing: Path) -> None:
    lines = truth(landing, "subscribers")
    fading = lines[(lines["kind"] == "active") & (lines["fade_months"] >= 2) & (lines["churn_month"] > "2011-05")]
    usage = everything(landing, "billing_usage")
    minutes = usage.assign(mou=usage["mou_out"].astype(float)).pivot(
        index="subscriber_id", columns="month", values="mou"
    )
    last = [minutes.at[line, _shift(month, -1)] for line, month in fading[["subscriber_id", "churn_month"]].to_numpy()]
    usual = [minutes.at[line, _shift(month, -4)] for line, month in fading[["subscriber_id", "churn_month"]].to_numpy()]
    assert len(last) > 20
    assert pd.Series(last).sum() < 0.7 * pd.Series(usual).sum()


def _shift(month: str, count: int) -> str:
    return str(pd.Period(month, "M") + count)


def test_contacts_refer_to_the_list_of_an_earlier_month(landing: Path) -> None:
    contacts = everything(landing, "crm_contacts")
    assert (landing_files.month_text(contacts["list_month"]) < contacts["month"]).all()
    assert set(contacts["list_type"]) == {"warning", "silent", "expiring", "non_billed", "mid_high", "call_back"}


def test_exit_surveys_are_of_those_who_left_in_their_month(landing: Path) -> None:
    surveys = everything(landing, "crm_exit_surveys")
    left = truth(landing, "subscribers").dropna(subset=["churn_month"]).set_index("subscriber_id")["churn_month"]
    assert (left.loc[surveys["subscriber_id"]].to_numpy() == landing_files.month_text(surveys["churn_month"])).all()


def test_acquisition_costs_follow_the_lines_that_joined(landing: Path, snapshots: pd.DataFrame) -> None:
    costs = everything(landing, "finance_acquisition")
    commission = costs["commission"].str.replace(",", "").astype(float)
    joined = snapshots[snapshots["join_date"].dt.strftime("%Y-%m") == snapshots["month"]]
    counts = joined.groupby(["month", "network", "district_code"]).size()
    rate = {"GSM": 35.0, "3G": 65.0, "CDMA": 25.0}
    for key, amount in zip(costs[["month", "network", "district_code"]].to_numpy(), commission, strict=True):
        assert amount == rate[key[1]] * counts.get(tuple(key), 0)


# --- where it is written --------------------------------------------------------------------------------


def test_a_folder_that_no_generation_wrote_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "2011-01").mkdir()
    (tmp_path / "2011-01" / "billing_bills.csv").write_text("real", encoding="utf-8")
    with pytest.raises(LandingInUse, match="2011-01"):
        generate(OperatorPlan(subscribers=50, months=1), tmp_path)
    assert [path.name for path in tmp_path.rglob("*.csv")] == ["billing_bills.csv"]


def test_generating_again_replaces_the_earlier_generation(tmp_path: Path) -> None:
    generate(OperatorPlan(subscribers=50, months=3), tmp_path)
    generate(OperatorPlan(subscribers=50, months=2), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2011-01", "2011-02", "truth"]


def test_progress_counts_every_block_and_month(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    generate(
        OperatorPlan(subscribers=100, months=2, block_size=50),
        tmp_path,
        lambda month, done, total: seen.append((month, done, total)),
    )
    assert seen == [("2011-01", 1, 4), ("2011-02", 2, 4), ("2011-01", 3, 4), ("2011-02", 4, 4)]


@pytest.mark.parametrize("wrong", [{"subscribers": 10}, {"months": 0}, {"months": 99}, {"block_size": 1}])
def test_an_impossible_plan_is_refused_by_name(wrong: dict[str, int]) -> None:
    with pytest.raises(InvalidPlan, match=next(iter(wrong))):
        OperatorPlan(**wrong)

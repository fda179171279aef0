"""Publication: whole or not at all, the same name means the same bytes, and no code of a district leads astray."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dagster_project.lib.exports import publication
from dagster_project.lib.exports.edition import (
    Edition,
    Written,
    current,
    editions,
    folder_name,
    record,
    stage,
    written_file,
)
from dagster_project.lib.exports.identity import configuration_id, publication_id, publication_ids
from dagster_project.lib.exports.publication import PublicationRefused, publish, publish_all, read_manifest
from dagster_project.settings import Settings
from tests.editions import catalog, settings

ACCEPTED = {"2011-09": "delivery-a", "2011-10": "delivery-b"}


def edition(home: Path, month: str = "2011-10", name: str = "aaaaaaaaaaaa") -> Edition:
    return Edition(settings(home), catalog(), month, name)


def stage_files(made: Edition, content: str = "content") -> Edition:
    """Stage one small file for every export of the catalogue."""
    stage(made)
    for export in made.catalog.exports:
        path = made.folder / "network" / f"{export.name}.csv"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
        record(made, Written(export.name, (written_file(made, path, 3),), {"D01": 3}))
    return made


def pointer(home: Path) -> dict[str, str]:
    return json.loads((home / "published" / "current.json").read_text(encoding="utf-8"))


def test_a_published_month_is_pointed_to_and_accounts_for_every_file(tmp_path: Path) -> None:
    published = publish(stage_files(edition(tmp_path)), "run-1", ACCEPTED)
    assert pointer(tmp_path) == {"2011-10": "2011-10/aaaaaaaaaaaa"}
    manifest = read_manifest(published.folder)
    on_disk = {path.relative_to(published.folder).as_posix() for path in published.folder.rglob("*") if path.is_file()}
    assert on_disk == {*manifest["files"], "manifest.json"}
    assert manifest["files"]["network/marts.csv"]["bytes"] == len("content")
    assert manifest["files"]["network/marts.csv"]["rows"] == 3
    assert (manifest["run_id"], manifest["state"], manifest["deliveries"]) == ("run-1", "preliminary", ACCEPTED)
    assert not (tmp_path / "published" / ".staging").exists()


def test_what_was_not_available_has_no_row_count_in_the_manifest(tmp_path: Path) -> None:
    made = stage_files(edition(tmp_path))
    path = made.folder / "network" / "list_silent.csv"
    record(made, Written("list_silent", (written_file(made, path, 0),), {"D01": 0}, is_available=False))
    manifest = read_manifest(publish(made, "run-1", ACCEPTED).folder)
    assert manifest["exports"]["list_silent"] == {"rows": None, "district_rows": {"D01": None}}
    assert manifest["exports"]["list_warning"] == {"rows": 3, "district_rows": {"D01": 3}}


def test_later_deliveries_are_no_part_of_a_month(tmp_path: Path) -> None:
    published = publish(stage_files(edition(tmp_path, "2011-09")), "run-1", ACCEPTED)
    assert read_manifest(published.folder)["deliveries"] == {"2011-09": "delivery-a"}


def test_several_months_change_together(tmp_path: Path) -> None:
    months = [stage_files(edition(tmp_path, month)) for month in ("2011-09", "2011-10")]
    publish_all(months, "run-1", ACCEPTED)
    assert list(pointer(tmp_path)) == ["2011-09", "2011-10"]


def test_a_failure_between_the_months_leaves_the_pointer_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(stage_files(edition(tmp_path, "2011-09", "bbbbbbbbbbbb")), "run-1", ACCEPTED)
    before = (tmp_path / "published" / "current.json").read_bytes()
    months = [stage_files(edition(tmp_path, month)) for month in ("2011-09", "2011-10")]
    move = publication._move

    def fail_on_the_second(made: Edition, manifest: dict[str, object]) -> publication.Publication:
        if made.month == "2011-10":
            raise OSError("disk full")
        return move(made, manifest)

    monkeypatch.setattr(publication, "_move", fail_on_the_second)
    with pytest.raises(OSError, match="disk full"):
        publish_all(months, "run-2", ACCEPTED)
    assert (tmp_path / "published" / "current.json").read_bytes() == before
    monkeypatch.undo()
    publish_all([stage_files(each) for each in months], "run-3", ACCEPTED)
    assert pointer(tmp_path)["2011-10"] == "2011-10/aaaaaaaaaaaa"


def test_the_earlier_publication_stays_readable_and_is_named(tmp_path: Path) -> None:
    first = publish(stage_files(edition(tmp_path)), "run-1", ACCEPTED)
    second = publish(stage_files(edition(tmp_path, name="cccccccccccc"), "corrected"), "run-2", ACCEPTED)
    assert second.supersedes == "aaaaaaaaaaaa"
    assert (first.folder / "network" / "marts.csv").read_text() == "content"
    assert current(settings(tmp_path))["2011-10"] == second.folder


def test_publishing_the_same_again_keeps_what_is_there(tmp_path: Path) -> None:
    publish(stage_files(edition(tmp_path)), "run-1", ACCEPTED)
    again = publish(stage_files(edition(tmp_path)), "run-2", ACCEPTED)
    assert not again.is_new
    assert read_manifest(again.folder)["run_id"] == "run-1"


def test_other_bytes_under_the_same_name_are_an_error(tmp_path: Path) -> None:
    publish(stage_files(edition(tmp_path)), "run-1", ACCEPTED)
    before = pointer(tmp_path)
    with pytest.raises(PublicationRefused, match="other content"):
        publish(stage_files(edition(tmp_path), "different"), "run-2", ACCEPTED)
    assert pointer(tmp_path) == before


def test_a_file_that_no_export_wrote_is_refused(tmp_path: Path) -> None:
    made = stage_files(edition(tmp_path))
    (made.folder / "network" / "stray.csv").write_text("x")
    with pytest.raises(PublicationRefused, match=r"network/stray\.csv"):
        publish(made, "run-1", ACCEPTED)
    assert not (tmp_path / "published" / "current.json").exists()


def test_a_month_without_one_of_its_exports_is_refused(tmp_path: Path) -> None:
    made = stage(edition(tmp_path))
    assert made.is_dir()
    with pytest.raises(PublicationRefused, match="exports missing: comparison, data_dictionary"):
        publish(edition(tmp_path), "run-1", ACCEPTED)


def test_staging_starts_empty(tmp_path: Path) -> None:
    left = stage_files(edition(tmp_path, name="dddddddddddd")).folder
    stage(edition(tmp_path))
    assert not left.exists()


@pytest.mark.parametrize(
    "code", ["../../etc", "a/b", "..", "", ".", "CON", "nul.txt", "d01", "a b", "区/县", "x" * 300, "\x00"]
)
def test_a_district_code_that_is_no_plain_name_gets_a_safe_folder(code: str) -> None:
    name = folder_name(code)
    assert name not in ("", ".", "..", code)
    assert not set(name) & set('/\\:*?"<>|\0 ')
    assert len(name) <= 80


def test_plain_codes_keep_their_names_and_no_two_codes_share_a_folder() -> None:
    codes = ["D01", "d01", "资阳", "D/1", "D_1", "D 1", "(unknown)"]
    assert folder_name("D01") == "D01"
    assert folder_name("资阳") == "资阳"
    assert len({folder_name(code).lower() for code in codes}) == len(codes)


def test_a_name_depends_on_deliveries_up_to_the_month_and_not_on_later_ones(tmp_path: Path) -> None:
    made = settings(tmp_path)
    name = publication_id(made, "2011-09", ACCEPTED)
    assert name == publication_id(made, "2011-09", {**ACCEPTED, "2011-10": "other"})
    assert name != publication_id(made, "2011-09", {**ACCEPTED, "2011-09": "other"})
    assert len(name) == 12


def test_a_changed_month_renames_every_later_publication(tmp_path: Path) -> None:
    made = settings(tmp_path)
    months = ("2011-09", "2011-10")
    first = publication_ids(made, months, ACCEPTED, {})
    corrected = publication_ids(made, months, {**ACCEPTED, "2011-09": "corrected"}, {})
    assert first["2011-10"] != corrected["2011-10"]
    assert publication_ids(made, ["2011-10"], ACCEPTED, {"2011-09": first["2011-09"]})["2011-10"] == first["2011-10"]


def test_language_and_limits_are_part_of_the_configuration_and_folders_are_not(tmp_path: Path) -> None:
    base = settings(tmp_path)
    assert configuration_id(base) == configuration_id(settings(tmp_path / "elsewhere"))
    assert configuration_id(base) != configuration_id(settings(tmp_path, "en"))
    limited = Settings(home=tmp_path, landing=tmp_path, vanished_share_limit=0.5)
    assert configuration_id(base) != configuration_id(limited)


def test_a_run_reads_its_own_earlier_months_before_the_published_ones(tmp_path: Path) -> None:
    publish(stage_files(edition(tmp_path, "2011-08")), "run-1", ACCEPTED)
    publish(stage_files(edition(tmp_path, "2011-09")), "run-1", ACCEPTED)
    made = editions(settings(tmp_path), catalog(), ["2011-10", "2011-09"], {**ACCEPTED, "2011-08": "x"})
    assert [each.month for each in made] == ["2011-09", "2011-10"]
    assert set(made[1].history) == {"2011-08", "2011-09"}
    assert made[1].history["2011-09"] == made[0].folder
    assert made[1].history["2011-08"].parent == tmp_path / "published" / "2011-08"

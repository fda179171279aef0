"""What was published: every version of every month, and what changed from one to the next."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings as SiteSettings

from tests.editions import settings as settings_of
from tests.portal.published import CORRECTED, MONTHS, SUPERSEDED
from tests.portal.test_compare import NAMES, rows_of

pytestmark = pytest.mark.django_db

MONTH = MONTHS[-1]


def manifest_of(home: Path, version: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((home / "published" / MONTH / version / "manifest.json").read_text("utf-8"))
    return content


def section(page: str, version: str) -> str:
    """What the page says of a version."""
    return page.partition(f'id="{version}"')[2].partition("</section>")[0]


@pytest.fixture
def altered_home(published_home: Path, site: SiteSettings, tmp_path: Path) -> Path:
    """The branch again, but its last version has another delivery, configuration, headline figure and file."""
    home = tmp_path / "altered"
    for version in (SUPERSEDED, CORRECTED):
        source, target = published_home / "published" / MONTH / version, home / "published" / MONTH / version
        target.mkdir(parents=True)
        for name in ("districts", "network"):
            (target / name).symlink_to(source / name, target_is_directory=True)
        (target / "manifest.json").write_bytes((source / "manifest.json").read_bytes())
    target = home / "published" / MONTH / CORRECTED
    manifest = manifest_of(home, CORRECTED)
    manifest["configuration"] = "f" * 64
    manifest["deliveries"] = {"2011-09": "delivery-2011-09", MONTH: "restated", "2011-07": "found"}
    manifest["exports"]["list_silent"] = {"rows": None, "district_rows": dict.fromkeys(NAMES)}
    manifest["not_available"] = ["usage"]
    manifest["files"].pop("districts/D01/silent.csv")
    manifest["files"]["districts/D01/new.html"] = {"rows": None, "bytes": 1, "sha256": "1" * 64}
    (target / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    (target / "districts").unlink()
    for code in NAMES:
        (target / "districts" / code).mkdir(parents=True)
        text = (published_home / "published" / MONTH / SUPERSEDED / "districts" / code / "summary.json").read_text(
            "utf-8"
        )
        content = json.loads(text)
        if code == "D01":
            content["languages"]["zh"]["headlines"][0]["shown"] = "9.99%"
        (target / "districts" / code / "summary.json").write_text(json.dumps(content), encoding="utf-8")
    (home / "published" / "current.json").write_text(json.dumps({MONTH: f"{MONTH}/{CORRECTED}"}), encoding="utf-8")
    site.RETENTION = settings_of(home)
    return home


def test_every_version_of_every_month_is_listed_the_newest_first(
    signed_in: Callable[[str], Client], published_home: Path
) -> None:
    page = signed_in("auditor").get("/history/").content.decode()
    assert re.findall(r"<code>(\w+)</code>", page) == [CORRECTED, SUPERSEDED, f"{1:012x}", f"{0:012x}"]
    assert page.count("● 现行版本") == 3
    assert page.count("○ 已被替换") == 1
    exports = manifest_of(published_home, CORRECTED)["exports"]
    rows = sum(entry["rows"] for name, entry in exports.items() if name.startswith("list_"))
    assert f'<td class="figure">{rows:,}</td>' in page


def test_a_version_says_what_it_was_made_of(signed_in: Callable[[str], Client], published_home: Path) -> None:
    told = section(signed_in("auditor").get(f"/history/{MONTH}/").content.decode(), CORRECTED)
    manifest = manifest_of(published_home, CORRECTED)
    assert f"<code>{manifest['run_id']}</code>" in told
    assert f"<code>{manifest['configuration'][:12]}</code>" in told
    assert "初版，T+35 后为终版" in told
    deliveries = rows_of(told, "用到的交付")
    assert deliveries == {month: [delivery] for month, delivery in manifest["deliveries"].items()}
    assert rows_of(told, "各项输出的行数") == {
        name: [str(entry["rows"])] for name, entry in manifest["exports"].items()
    }


def test_lists_and_files_that_differ_are_those_of_the_manifests(
    signed_in: Callable[[str], Client], published_home: Path
) -> None:
    told = section(signed_in("branch").get(f"/history/{MONTH}/").content.decode(), CORRECTED)
    old, new = manifest_of(published_home, SUPERSEDED), manifest_of(published_home, CORRECTED)
    different = [
        (before, after, f"{after - before:+}")
        for name, entry in sorted(new["exports"].items())
        if name.startswith("list_")
        for code, after in sorted(entry["district_rows"].items())
        if (before := old["exports"][name]["district_rows"][code]) != after
    ]
    assert different
    figures = re.findall(
        r'<td class="figure">(\d+)</td><td class="figure">(\d+)</td><td class="figure">(\S+)</td>', told
    )
    assert [(int(before), int(after), more) for before, after, more in figures] == different
    changed = {path for path, entry in new["files"].items() if entry["sha256"] != old["files"][path]["sha256"]}
    assert f"改动的文件（{len(changed)}）" in told
    assert set(re.findall(r"<li>(?:<a[^>]*>)?([^<]+)", told)) == changed
    assert "原因：更早月份的版本有变" in told


def test_other_deliveries_rules_figures_and_files_are_each_told(
    signed_in: Callable[[str], Client], altered_home: Path
) -> None:
    told = section(signed_in("branch").get(f"/history/{MONTH}/").content.decode(), CORRECTED)
    assert "新用到 2011-07 的交付（found）" in told
    assert "不再使用 2011-08 的交付（delivery-2011-08）" in told
    assert f"{MONTH} 换用另一份交付（delivery-{MONTH} → restated）" in told
    assert "计算口径、程序或设置有改动" in told
    assert rows_of(told, "不同的主要指标")["雁江"][2] == "9.99%"
    assert "新增的文件（1）" in told
    assert "减少的文件（1）" in told
    assert "<dd>usage</dd>" in told
    assert '<td class="figure">30</td><td class="figure">—</td><td class="figure">—</td>' in told


def test_the_auditor_is_offered_no_file_and_sees_no_personal_data(
    signed_in: Callable[[str], Client], published_home: Path
) -> None:
    page = signed_in("auditor").get(f"/history/{MONTH}/").content.decode()
    assert "/files/" not in page
    assert "139" + "01" not in page
    assert not re.search(r"D\d\d-\d{5}", page)


def test_the_page_is_for_the_branch_and_the_auditor(signed_in: Callable[[str], Client]) -> None:
    for path in ("/history/", f"/history/{MONTH}/"):
        answers = {name: signed_in(name).get(path).status_code for name in ("branch", "auditor", "district", "manager")}
        assert answers == {"branch": 200, "auditor": 200, "district": 404, "manager": 404}


def test_a_month_that_was_never_published_is_not_found(signed_in: Callable[[str], Client]) -> None:
    for month in ("2011-07", "nonsense", "..", "2011-13"):
        assert signed_in("branch").get(f"/history/{month}/").status_code == 404

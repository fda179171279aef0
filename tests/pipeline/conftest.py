"""One made-up operator and one home in which its first months were run, for all tests of the pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_project.synth.dumps import generate
from dagster_project.synth.world import OperatorPlan
from tests.commandline import Branch
from tests.operators import DEMO, deliver, truth_folder
from tests.shared import made_once
from tests.worlds import World

FIRST, LAST_RUN = "2011-01", "2011-03"
DEMO_MARTS = (
    *("+mart_churn_hazard", "+mart_churn_tenure_mean", "+mart_churn_by_group", "+mart_churn_trend"),
    *("+mart_list_quality", "+mart_work_orders"),
)
"""What the thorough tests read of it."""


@pytest.fixture(scope="session")
def operator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Deliveries of 1,000 subscribers, 2011-01 to 2011-06. Tests must not change them."""
    return made_once(tmp_path_factory, "operator", _generate)


def _generate(landing: Path) -> None:
    generate(OperatorPlan(subscribers=1_000, months=6), landing)


@pytest.fixture(scope="session")
def published(operator: Path, tmp_path_factory: pytest.TempPathFactory) -> Branch:
    """A home in which 2011-01 to 2011-03 were run by one command. Tests must not change it."""

    def run(home: Path) -> None:
        said = Branch(home, operator, event_log="quick").run(FIRST, LAST_RUN)
        assert said.exit_status == 0, said.words

    branch = Branch(made_once(tmp_path_factory, "published", run), operator)
    assert list(branch.current) == ["2011-01", "2011-02", "2011-03"]
    return branch


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> World:
    """All months of the demo operator, built without tests, for the thorough ones. Tests must not change it."""
    return World(made_once(tmp_path_factory, "demo", _build_demo))


def _build_demo(home: Path) -> None:
    world = World(home)
    deliver(world, DEMO)
    world.build(DEMO.month_names[0], DEMO.month_names[-1], select=" ".join(DEMO_MARTS))


@pytest.fixture(scope="session")
def demo_truth(demo: World) -> Path:
    """The folder of the files that say what is true of the demo operator."""
    return truth_folder(demo)


@pytest.fixture
def branch(published: Branch, tmp_path: Path) -> Branch:
    """A copy of the published home and of the landing, to be changed."""
    return published.copy(tmp_path)

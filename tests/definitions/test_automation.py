"""When runs are asked for."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from dagster_project.defs import automation
from dagster_project.lib import deliveries, work_returns
from dagster_project.settings import Settings


@pytest.fixture
def landing(monkeypatch, tmp_path):
    """A landing folder told by delivery ids, and the deliveries that the ledger knows."""
    state = SimpleNamespace(ids={}, files={}, accepted={}, refused={})
    monkeypatch.setattr(deliveries, "delivered_months", lambda settings: tuple(state.ids))
    monkeypatch.setattr(deliveries, "find", lambda settings, month: found(state, month))
    monkeypatch.setattr(
        deliveries, "accepted", lambda settings: {m: SimpleNamespace(delivery_id=i) for m, i in state.accepted.items()}
    )
    monkeypatch.setattr(
        deliveries,
        "entries",
        lambda settings: [
            SimpleNamespace(month=month, delivery_id=delivery_id)
            for known in (state.accepted, state.refused)
            for month, delivery_id in known.items()
        ],
    )
    state.settings = Settings(home=tmp_path, landing=tmp_path / "landing")
    return state


def found(state, month):
    files = [SimpleNamespace(path=Path(name)) for name in state.files.get(month, ["crm_subscribers.csv"])]
    return SimpleNamespace(delivery_id=state.ids[month], files=files)


def looks(landing, count, cursor=None):
    """The run keys asked for at each of ``count`` looks, and the last cursor."""
    requests = []
    for _ in range(count):
        result = automation.look_for_deliveries(landing.settings, cursor)
        cursor = result.cursor
        requests.append([request.run_key for request in result.run_requests])
    return requests, cursor


def test_a_new_delivery_is_run_once_its_files_stay_the_same(landing):
    landing.ids = {"2011-10": "id1"}
    requests, _ = looks(landing, 2)
    assert requests == [[], ["2011-10:id1"]]


def test_returned_work_orders_alone_are_waited_with_until_the_dumps_arrive(landing):
    landing.ids, landing.files = {"2011-10": "returns"}, {"2011-10": [work_returns.FILE_NAME]}
    requests, cursor = looks(landing, 3)
    assert requests == [[], [], []]
    landing.ids, landing.files = {"2011-10": "whole"}, {"2011-10": [work_returns.FILE_NAME, "crm_subscribers.csv"]}
    assert looks(landing, 2, cursor)[0] == [[], ["2011-10:whole"]]


def test_a_delivery_that_is_asked_for_twice_has_the_same_run_key(landing):
    landing.ids = {"2011-10": "id1"}
    requests, _ = looks(landing, 3)
    assert requests[1] == requests[2] == ["2011-10:id1"]


def test_files_that_keep_changing_are_waited_for(landing):
    cursor = None
    for content in ("half", "more", "whole"):
        landing.ids = {"2011-10": content}
        requests, cursor = looks(landing, 1, cursor)
        assert requests == [[]]


def test_a_redelivered_month_is_run_again_because_its_key_holds_the_content(landing):
    landing.ids = landing.accepted = {"2011-10": "id1"}
    _, cursor = looks(landing, 2)
    landing.ids = {"2011-10": "id2"}
    requests, _ = looks(landing, 2, cursor)
    assert requests == [[], ["2011-10:id2"]]


def test_what_the_ledger_knows_starts_nothing(landing):
    landing.accepted, landing.refused = {"2011-10": "id1"}, {"2011-11": "id2"}
    landing.ids = {"2011-10": "id1", "2011-11": "id2"}
    assert looks(landing, 3)[0] == [[], [], []]


def test_several_months_that_arrive_together_are_all_run(landing):
    landing.ids = {"2011-09": "id9", "2011-10": "id10"}
    requests, _ = looks(landing, 2)
    assert requests[1] == ["2011-09:id9", "2011-10:id10"]


def test_a_restated_month_takes_the_later_accepted_months_with_it(landing):
    landing.accepted = {"2011-09": "x", "2011-10": "y", "2011-11": "z"}
    request = automation.run_request(landing.settings, "2011-09", "new")
    assert request.tags[automation.RANGE_START_TAG] == "2011-09"
    assert request.tags[automation.RANGE_END_TAG] == "2011-11"


def test_the_cursor_is_what_each_month_looked_like(landing):
    landing.ids = {"2011-10": "id1"}
    _, cursor = looks(landing, 1)
    assert json.loads(cursor) == {"2011-10": "id1"}

from __future__ import annotations

import datetime as dt

import pytest

from dagster_project.lib import months


def test_a_month_is_written_with_four_and_two_digits() -> None:
    assert months.parse("2011-10") == "2011-10"
    for text in ("2011-13", "2011-1", "201110", "2011-10-01", ""):
        assert not months.is_month(text)
        with pytest.raises(months.InvalidMonth, match="YYYY-MM"):
            months.parse(text)


def test_months_are_shifted_across_years() -> None:
    assert months.shift("2011-12", 1) == "2012-01"
    assert months.shift("2011-01", -1) == "2010-12"
    assert months.shift("2011-10", -24) == "2009-10"


def test_a_range_holds_both_ends_and_is_empty_backwards() -> None:
    assert months.between("2011-11", "2012-01") == ("2011-11", "2011-12", "2012-01")
    assert months.between("2012-01", "2011-11") == ()
    assert months.distance("2011-11", "2012-01") == 2


def test_a_month_ends_on_its_last_day() -> None:
    assert months.last_day("2012-02") == dt.date(2012, 2, 29)
    assert months.first_day("2012-02") == dt.date(2012, 2, 1)

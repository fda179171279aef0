"""Figures in templates, as the published pages write them."""

from __future__ import annotations

from decimal import Decimal

from django import template

from dagster_project.lib.exports.numbers import shown
from dagster_project.lib.exports.workbook import Kind

register = template.Library()


@register.filter
def money(value: Decimal | None) -> str:
    """Yuan with two decimals, or a dash."""
    return shown(value, Kind.MONEY)


@register.filter
def number(value: int | None) -> str:
    """A count in full, or a dash."""
    return shown(value, Kind.COUNT)

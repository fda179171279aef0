"""The demo operator's reference data and acquisition costs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from dagster_project.synth import columns as col
from dagster_project.synth import world
from dagster_project.synth.lives import Block
from dagster_project.synth.world import OperatorPlan

_COMMISSION = {"3G": 6500, "CDMA": 2500, "GSM": 3500}
_SUBSIDY = {"3G": 9000, "CDMA": 4000, "GSM": 0}
_MARKETING_BASE = 200_000
"""Fen a month, network and district, spent whether anybody joins or not."""


def tables(plan: OperatorPlan) -> dict[str, pa.Table]:
    """The four reference data sets; they are delivered every month."""
    return {
        "crm_districts": _districts(),
        "crm_plans": _plans(),
        "crm_channels": _channels(),
        "crm_groups": _groups(plan),
    }


def _districts() -> pa.Table:
    return col.table(
        {
            "district_code": pa.array([district.code for district in world.DISTRICTS]),
            "district_name": pa.array([district.name for district in world.DISTRICTS]),
            "region": col.repeated(world.REGION, len(world.DISTRICTS)),
        }
    )


def _plans() -> pa.Table:
    tariffs = world.TARIFFS
    return col.table(
        {
            "plan_code": pa.array([tariff.code for tariff in tariffs]),
            "plan_name": pa.array([tariff.name for tariff in tariffs]),
            "brand": pa.array([tariff.brand for tariff in tariffs]),
            "monthly_rent": col.decimals(np.array([tariff.rent for tariff in tariffs])),
            "included_minutes": col.counts(np.array([tariff.minutes for tariff in tariffs])),
            "included_data_mb": col.counts(np.array([tariff.data_mb for tariff in tariffs])),
            "included_sms": col.counts(np.array([tariff.sms for tariff in tariffs])),
            "price_per_minute": col.decimals(np.array([tariff.per_minute for tariff in tariffs])),
            "price_per_mb": col.decimals(np.array([tariff.per_mb for tariff in tariffs])),
            "price_per_sms": col.decimals(np.array([tariff.per_sms for tariff in tariffs])),
            "is_short_term": pa.array([tariff.is_short_term for tariff in tariffs]),
            "on_sale": pa.array([tariff.on_sale for tariff in tariffs]),
        }
    )


def _channels() -> pa.Table:
    channels = world.CHANNELS
    codes = [None if channel.district is None else world.DISTRICTS[channel.district].code for channel in channels]
    return col.table(
        {
            "channel_code": pa.array([channel.code for channel in channels]),
            "channel_name": pa.array([channel.name for channel in channels]),
            "channel_type": pa.array([channel.kind for channel in channels]),
            "district_code": pa.array(codes, type=pa.string()),
            "commission_months": pa.array([channel.commission_months for channel in channels]),
        }
    )


def _groups(plan: OperatorPlan) -> pa.Table:
    groups = range(plan.group_count)
    return col.table(
        {
            "group_id": pa.array([f"G{index + 1:04d}" for index in groups]),
            "group_name": pa.array([world.group_name(index) for index in groups]),
            "district_code": pa.array([world.DISTRICTS[world.group_district(index)].code for index in groups]),
            "has_agreement": pa.array([world.group_has_agreement(index) for index in groups]),
        }
    )


def joined_counts(block: Block, month: int) -> np.ndarray:
    """How many lines of a block joined in a month, by network and district position."""
    networks = world.network_codes()
    counts = np.zeros((len(networks), len(world.DISTRICTS)), dtype=np.int64)
    joined = np.flatnonzero(block.join_month == month)
    of_tariff = np.array([networks.index(tariff.network) for tariff in world.TARIFFS])
    np.add.at(counts, (of_tariff[block.tariff_at(month)[joined]], block.district_at(month)[joined]), 1)
    return counts


def acquisition(month_name: str, joined: np.ndarray) -> pa.Table:
    """finance_acquisition: one row per network and district, from the month's joined counts."""
    networks = world.network_codes()
    network, district = (axis.ravel() for axis in np.indices(joined.shape))
    count = joined.ravel()
    commission = np.array([_COMMISSION[name] for name in networks])[network] * count
    subsidy = np.array([_SUBSIDY[name] for name in networks])[network] * count
    share = np.array([entry.share for entry in world.DISTRICTS])[district]
    return col.table(
        {
            "month": col.repeated(month_name, len(count)),
            "network": col.picked(networks, network),
            "district_code": col.picked([entry.code for entry in world.DISTRICTS], district),
            "commission": col.decimals(commission),
            "handset_subsidy": col.decimals(subsidy),
            "marketing": col.decimals((share * _MARKETING_BASE).astype(np.int64) + 800 * count),
        }
    )

"""The input contract: which data sets a branch delivers every month, and what their columns mean.

The same name is used everywhere: data set = raw folder = dbt source table = expectation suite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What a column holds."""

    MONTH = "month"
    TEXT = "text"
    IDENTIFIER = "identifier"
    MSISDN = "msisdn"
    ENUM = "enum"
    DATE = "date"
    TIMESTAMP = "timestamp"
    MONEY = "money"
    NUMBER = "number"
    COUNT = "count"
    BOOL = "bool"

    @property
    def sql_type(self) -> str:
        """The type of such a column in raw data, in words that DuckDB and Spark share."""
        return _SQL_TYPES.get(self.value, "varchar")


_SQL_TYPES = {
    "date": "date",
    "timestamp": "timestamp",
    "money": "decimal(18,2)",
    "number": "decimal(18,4)",
    "count": "bigint",
    "bool": "boolean",
}


class Period(Enum):
    """How a dated column relates to the month it is delivered in."""

    SAME_MONTH = "same_month"
    NOT_LATER = "not_later"


@dataclass(frozen=True)
class Column:
    """One column of a data set; ``values`` maps an enum's codes to their Chinese spelling."""

    name: str
    alias: str
    kind: Kind
    required: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    references: str | None = None
    """``data set.column`` that must hold the value when that data set is known."""
    period: Period | None = None
    is_personal: bool = False
    at_least: int | None = None
    at_most: int | None = None


@dataclass(frozen=True)
class DataSet:
    """One data set of a delivery; ``key`` identifies a row within a month."""

    name: str
    title: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    required: bool = False
    is_reference: bool = False
    """Reference data: the newest delivery up to the month applies."""
    is_standing: bool = False
    """It holds what was so far, not what happened in the month."""
    subscribers_must_be_known: bool = False
    """Rows of subscribers never seen in any snapshot are quarantined."""

    @property
    def system(self) -> str:
        """The system that delivers it: billing, crm or finance."""
        return self.name.partition("_")[0]

    def column(self, name: str) -> Column:
        """The column called ``name``."""
        return next(column for column in self.columns if column.name == name)

    @property
    def required_columns(self) -> tuple[str, ...]:
        """Names of the columns without which the data set is refused."""
        return tuple(column.name for column in self.columns if column.required)


_STATUSES = {
    "active": "在用",
    "suspended_voluntary": "停机保号",
    "suspended_arrears": "欠费停机",
    "pre_cancelled": "预销",
    "cancelled": "销号",
    "disconnected": "局拆",
    "ported_out": "携出",
}
_PAYMENT_TYPES = {"prepaid": "预付费", "quasi_prepaid": "准预付费", "postpaid": "后付费"}
_COMPLAINT_CATEGORIES = {
    "network": "网络质量",
    "billing": "计费收费",
    "handset": "手机",
    "service": "服务",
    "vas": "增值业务",
    "price": "资费",
    "other": "其他",
}
_OUTCOMES = {"accepted": "接受", "declined": "拒绝", "unreached": "未接通"}
_DESTINATIONS = {
    "rival_mobile": "转到移动",
    "rival_fixed": "转到小灵通或固话",
    "internal": "本网换号",
    "other": "其他",
}
_TOPICS = {
    "network": "网络质量",
    "billing": "计费收费",
    "handset": "手机",
    "service": "服务",
    "price": "资费",
    "other": "其他",
}
_CHANNEL_TYPES = {
    "own_hall": "自有营业厅",
    "cooperative_hall": "合作营业厅",
    "agent": "代理点",
    "direct": "直销",
    "online": "线上",
    "campus": "校园",
}


def _month(name: str, alias: str, period: Period = Period.SAME_MONTH) -> Column:
    return Column(name, alias, Kind.MONTH, required=True, period=period)


def _identifier(name: str, alias: str, *, required: bool = False, references: str | None = None) -> Column:
    return Column(name, alias, Kind.IDENTIFIER, required=required, references=references)


def _subscriber() -> Column:
    return _identifier("subscriber_id", "用户编号", required=True)


def _district(*, required: bool = False) -> Column:
    return _identifier("district_code", "区县编码", required=required, references="crm_districts.district_code")


def _plan(*, required: bool = False) -> Column:
    return _identifier("plan_code", "套餐编码", required=required, references="crm_plans.plan_code")


def _text(name: str, alias: str) -> Column:
    return Column(name, alias, Kind.TEXT)


def _date(name: str, alias: str, *, required: bool = False, period: Period | None = None) -> Column:
    return Column(name, alias, Kind.DATE, required=required, period=period)


def _time(name: str, alias: str, *, required: bool = False, period: Period | None = None) -> Column:
    return Column(name, alias, Kind.TIMESTAMP, required=required, period=period)


def _money(name: str, alias: str, *, required: bool = False) -> Column:
    return Column(name, alias, Kind.MONEY, required=required)


def _number(name: str, alias: str, *, at_least: int | None = None) -> Column:
    return Column(name, alias, Kind.NUMBER, at_least=at_least)


def _count(name: str, alias: str, *, required: bool = False) -> Column:
    return Column(name, alias, Kind.COUNT, required=required, at_least=0)


def _bool(name: str, alias: str) -> Column:
    return Column(name, alias, Kind.BOOL)


def _enum(name: str, alias: str, values: Mapping[str, str], *, required: bool = False) -> Column:
    return Column(name, alias, Kind.ENUM, required=required, values=values)


_DATA_SETS = (
    DataSet(
        "crm_districts",
        "区县",
        "one row per district",
        ("district_code",),
        (
            _identifier("district_code", "区县编码", required=True),
            Column("district_name", "区县名称", Kind.TEXT, required=True),
            _text("region", "所属地市"),
        ),
        required=True,
        is_reference=True,
    ),
    DataSet(
        "crm_plans",
        "套餐",
        "one row per plan",
        ("plan_code",),
        (
            _identifier("plan_code", "套餐编码", required=True),
            Column("plan_name", "套餐名称", Kind.TEXT, required=True),
            _text("brand", "品牌"),
            _money("monthly_rent", "月租"),
            _number("included_minutes", "含分钟数", at_least=0),
            _number("included_data_mb", "含流量MB", at_least=0),
            _number("included_sms", "含短信条数", at_least=0),
            _number("price_per_minute", "分钟单价", at_least=0),
            _number("price_per_mb", "流量单价", at_least=0),
            _number("price_per_sms", "短信单价", at_least=0),
            _bool("is_short_term", "短期产品"),
            _bool("on_sale", "在售"),
        ),
        required=True,
        is_reference=True,
    ),
    DataSet(
        "crm_channels",
        "渠道",
        "one row per sales channel",
        ("channel_code",),
        (
            _identifier("channel_code", "渠道编码", required=True),
            Column("channel_name", "渠道名称", Kind.TEXT, required=True),
            _enum("channel_type", "渠道类型", _CHANNEL_TYPES),
            _district(),
            _count("commission_months", "佣金考核月数"),
        ),
        is_reference=True,
    ),
    DataSet(
        "crm_groups",
        "集团",
        "one row per group customer",
        ("group_id",),
        (
            _identifier("group_id", "集团编号", required=True),
            Column("group_name", "集团名称", Kind.TEXT, required=True),
            _district(),
            _bool("has_agreement", "单位协议担保"),
        ),
        is_reference=True,
    ),
    DataSet(
        "crm_subscribers",
        "用户快照",
        "one row per subscriber on the network at any time in the month",
        ("subscriber_id", "snapshot_month"),
        (
            _month("snapshot_month", "月份"),
            _subscriber(),
            Column("msisdn", "手机号码", Kind.MSISDN, is_personal=True),
            _identifier("customer_id", "客户编号"),
            _identifier("imei_hash", "终端串号"),
            _identifier("pay_account", "付费账号"),
            _district(required=True),
            _text("brand", "品牌"),
            _text("network", "网络制式"),
            _enum("payment_type", "付费方式", _PAYMENT_TYPES),
            _plan(required=True),
            _date("join_date", "入网日期", required=True, period=Period.NOT_LATER),
            _enum("status", "用户状态", _STATUSES, required=True),
            _date("status_date", "状态日期"),
            _date("contract_end", "合约到期日"),
            _money("contract_commitment", "合约承诺金额"),
            _money("contract_remaining", "合约剩余金额"),
            _identifier("channel_code", "发展渠道编码"),
            _identifier("group_id", "集团编号"),
            _bool("is_special", "特殊客户"),
            _bool("is_bank_debit", "银行托收"),
            _identifier("vpn_id", "VPN编号"),
            Column("account_manager", "客户经理", Kind.TEXT, is_personal=True),
            _number("points_balance", "积分余额"),
            _number("points_expiring", "即将到期积分"),
            _date("points_expire_on", "积分到期日"),
            _bool("is_registration_complete", "资料登记完整"),
            _bool("is_countable", "计入考核"),
            _bool("is_do_not_contact", "免打扰"),
        ),
        required=True,
    ),
    DataSet(
        "billing_bills",
        "账单",
        "one row per subscriber billed in the month",
        ("subscriber_id", "bill_month"),
        (
            _subscriber(),
            _month("bill_month", "账期"),
            _plan(),
            _money("rent_fee", "月租费"),
            _money("voice_fee", "语音费"),
            _money("data_fee", "流量费"),
            _money("sms_fee", "短信费"),
            _money("vas_fee", "增值业务费"),
            _money("other_fee", "其他费用"),
            _money("discount", "优惠金额"),
            _money("total_fee", "应收金额", required=True),
            _money("arrears", "欠费余额"),
        ),
        required=True,
        subscribers_must_be_known=True,
    ),
    DataSet(
        "billing_usage",
        "用量",
        "one row per subscriber with an account in the month",
        ("subscriber_id", "usage_month"),
        (
            _subscriber(),
            _month("usage_month", "账期"),
            _number("mou_out", "主叫分钟", at_least=0),
            _number("mou_in", "被叫分钟", at_least=0),
            _count("calls_out", "主叫次数"),
            _count("calls_in", "被叫次数"),
            _count("distinct_called", "呼叫号码数"),
            _count("sms_out", "短信条数"),
            _number("data_mb", "流量MB", at_least=0),
            _count("forward_calls", "呼转次数"),
            _count("forward_offnet_calls", "呼转异网次数"),
            _count("own_hotline_calls", "拨打本网客服次数"),
            _count("rival_hotline_calls", "拨打异网客服次数"),
            _count("active_days", "活跃天数"),
            _date("last_activity_date", "最后活动日期"),
        ),
        subscribers_must_be_known=True,
    ),
    DataSet(
        "billing_payments",
        "缴费",
        "one row per payment or top-up",
        ("payment_id",),
        (
            _identifier("payment_id", "缴费流水号", required=True),
            _subscriber(),
            _time("paid_at", "缴费时间", required=True, period=Period.SAME_MONTH),
            _money("amount", "缴费金额", required=True),
            _text("pay_channel", "缴费渠道"),
        ),
        subscribers_must_be_known=True,
    ),
    DataSet(
        "billing_call_circle",
        "交往圈",
        "one row per subscriber and counterpart in the month",
        ("subscriber_id", "usage_month", "contact_hash"),
        (
            _subscriber(),
            _month("usage_month", "账期"),
            _identifier("contact_hash", "对端标识", required=True),
            _count("calls", "次数", required=True),
        ),
        subscribers_must_be_known=True,
    ),
    DataSet(
        "crm_complaints",
        "投诉",
        "one row per ticket",
        ("complaint_id",),
        (
            _identifier("complaint_id", "投诉编号", required=True),
            _subscriber(),
            _time("created_at", "投诉时间", required=True, period=Period.NOT_LATER),
            _enum("category", "投诉类别", _COMPLAINT_CATEGORIES),
            _time("resolved_at", "办结时间"),
            Column("satisfaction", "满意度", Kind.COUNT, at_least=1, at_most=5),
        ),
    ),
    DataSet(
        "crm_contacts",
        "客户接触",
        "one row per contact of an account manager with a listed subscriber",
        ("contact_id",),
        (
            _identifier("contact_id", "接触编号", required=True),
            _subscriber(),
            _month("list_month", "名单月份", Period.NOT_LATER),
            _identifier("list_type", "名单类型", required=True),
            _identifier("measure_code", "措施编号"),
            _time("contacted_at", "接触时间", required=True, period=Period.NOT_LATER),
            _enum("outcome", "接触结果", _OUTCOMES, required=True),
            _money("cost", "成本"),
            Column("account_manager", "客户经理", Kind.TEXT, is_personal=True),
        ),
    ),
    DataSet(
        "crm_exit_surveys",
        "离网调查",
        "one row per subscriber who left and was asked why",
        ("subscriber_id", "churn_month"),
        (
            _subscriber(),
            _month("churn_month", "离网月份", Period.NOT_LATER),
            _identifier("cause_code", "离网原因"),
            _enum("destination", "离网去向", _DESTINATIONS),
        ),
    ),
    DataSet(
        "crm_surveys",
        "满意度调查",
        "one row per answered survey",
        ("survey_id",),
        (
            _identifier("survey_id", "调查编号", required=True),
            _subscriber(),
            _time("answered_at", "回答时间", required=True, period=Period.NOT_LATER),
            Column("score", "评分", Kind.COUNT, required=True, at_least=0, at_most=10),
            _enum("topic", "主题", _TOPICS),
        ),
    ),
    DataSet(
        "crm_blacklist",
        "黑名单",
        "one row per customer not to be taken again without a look",
        ("customer_id",),
        (
            _identifier("customer_id", "客户编号", required=True),
            _time("listed_at", "列入时间", required=True, period=Period.NOT_LATER),
            _text("reason", "原因"),
        ),
        is_standing=True,
    ),
    DataSet(
        "finance_acquisition",
        "获客成本",
        "one row per network and district in the month",
        ("month", "network", "district_code"),
        (
            _month("month", "月份"),
            _text("network", "网络制式"),
            _district(),
            _money("commission", "佣金"),
            _money("handset_subsidy", "终端补贴"),
            _money("marketing", "营销费用"),
        ),
    ),
)

DATA_SETS: Mapping[str, DataSet] = {data_set.name: data_set for data_set in _DATA_SETS}
"""Every data set by name, in an order in which what is referred to comes first."""

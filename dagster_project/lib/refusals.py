"""Why a month stops: refusals in the user's language, each with a remedy and without personal data."""

from __future__ import annotations

from dataclasses import dataclass

from dagster_project.lib import wording
from dagster_project.settings import Settings


@dataclass(frozen=True)
class Refusal:
    """One reason why a delivery cannot be accepted; ``reason_code`` is stable, the texts are not."""

    data_set: str
    file: str | None
    line: int | None
    column: str | None
    reason_code: str
    reason: str
    remedy: str

    @property
    def place(self) -> str:
        """File, line and column, as far as they are known."""
        at_line = f":{self.line}" if self.line else ""
        return " ".join(part for part in (f"{self.file or self.data_set}{at_line}", self.column) if part)


class DeliveryRefused(Exception):
    """A delivery that must not change anything; carries every :class:`Refusal`."""

    def __init__(self, refusals: tuple[Refusal, ...]) -> None:
        super().__init__("\n".join(f"{r.place}: {r.reason} {r.remedy}" for r in refusals[:5]))
        self.refusals = refusals


def refusal(
    settings: Settings,
    code: str,
    data_set: str,
    file: str | None = None,
    *,
    line: int | None = None,
    column: str | None = None,
    **facts: object,
) -> Refusal:
    """Build a :class:`Refusal` with the catalogue's texts ``refused_<code>`` and ``remedy_<code>``."""
    values = {"data_set": data_set, "file": file, "line": line, "column": column, **facts}
    reason = wording.text(f"ingestion.refused_{code}", settings.language, **values)
    remedy = wording.text(f"ingestion.remedy_{code}", settings.language, **values)
    return Refusal(data_set, file, line, column, code, reason, remedy)

"""Wall time and peak memory of every step of a run, seen from outside the run."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

_SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class Stage:
    """One step: ``peak_mb`` is the resident memory of the run's whole process tree."""

    name: str
    seconds: float
    peak_mb: float


def measure_run(home: Path, landing: Path, month: str) -> list[Stage]:
    """Run ``month`` from the command line and take its steps from Dagster's event log."""
    command = [sys.executable, "-m", "dagster_project.cli", "run", "--force", "--month", month]
    process = subprocess.Popen([*command, "--home", str(home), "--landing", str(landing)], stderr=subprocess.DEVNULL)
    samples: list[tuple[float, float]] = []
    sampler = threading.Thread(target=_sample, args=(process, samples))
    sampler.start()
    status = process.wait()
    sampler.join()
    if status:
        raise RuntimeError(f"the run ended with status {status}")
    return [
        Stage(name, end - start, max((mb for at, mb in samples if start <= at <= end), default=0.0))
        for name, start, end in _steps(home)
    ]


def _steps(home: Path) -> list[tuple[str, float, float]]:
    with dg.DagsterInstance.from_config(str(home / "dagster")) as instance:
        run = instance.get_runs(limit=1)[0]
        stats = instance.get_run_step_stats(run.run_id)
    return sorted(((s.step_key, s.start_time or 0.0, s.end_time or 0.0) for s in stats), key=lambda step: step[1])


def _sample(process: subprocess.Popen[bytes], samples: list[tuple[float, float]]) -> None:
    while process.poll() is None:
        samples.append((time.time(), sum(_resident_mb(pid) for pid in _tree(process.pid))))
        time.sleep(_SAMPLE_SECONDS)


def _tree(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []
    return [pid, *(below for child in children for below in _tree(int(child)))]


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (FileNotFoundError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

"""Measuring work side by side: interleaved repetitions, medians, ratios, peak memory."""

from __future__ import annotations

import gc
import platform
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil


@dataclass
class Result:
    """One benchmark: seconds per contestant (median), what they were measured on, and the goal it is held to."""

    id: str
    work: str
    ours: str
    size: dict[str, Any]
    seconds: dict[str, float] = field(default_factory=dict)
    processor: dict[str, float] = field(default_factory=dict)
    """Seconds of processor time on all cores together (median): what other work on the machine changes least."""
    peak_mb: dict[str, float] = field(default_factory=dict)
    goals: dict[str, float] = field(default_factory=dict)
    """Contestant -> the highest allowed ratio of ours to it."""
    memory_goals: dict[str, float] = field(default_factory=dict)
    """Contestant -> the highest allowed ratio of our peak memory to its."""
    limits: dict[str, float] = field(default_factory=dict)
    """Contestant -> the most seconds that it may take."""
    notes: list[str] = field(default_factory=list)

    def ratios(self) -> dict[str, float]:
        """Our time divided by each other contestant's."""
        mine = self.seconds[self.ours]
        return {name: mine / other for name, other in self.seconds.items() if name != self.ours and other}

    def memory_notes(self) -> list[str]:
        """Our peak memory divided by that of others, where a goal is set for it."""
        notes = []
        for name, limit in self.memory_goals.items():
            if self.peak_mb.get(name):
                ratio = self.peak_mb[self.ours] / self.peak_mb[name]
                mark = "✓" if ratio <= limit else "✗"
                notes.append(f"peak memory ÷ that of {name}: {ratio:.2f}, goal ≤ {limit:g} {mark}")
        return notes

    def verdicts(self) -> dict[str, bool]:
        found = self.ratios()
        return {name: found[name] <= limit for name, limit in self.goals.items() if name in found}


def compare(
    result: Result,
    contestants: dict[str, Callable[[], Any]],
    *,
    repetitions: int = 5,
    once: tuple[str, ...] = (),
    outside: tuple[str, ...] = (),
) -> Result:
    """Run all contestants in turn, `repetitions` times after a warm-up; keep each one's median.

    Contestants must return equal answers: a fast wrong answer is no result. Those named in `once` are so slow that one
    warm-up and one measured run have to do; of those in `outside`, another process needs the memory.
    """
    times: dict[str, list[float]] = {name: [] for name in contestants}
    processor: dict[str, list[float]] = {name: [] for name in contestants if name not in outside}
    answers: dict[str, Any] = {}
    # What lives already is not looked through again before each piece of work.
    gc.collect()
    gc.freeze()
    for round_number in range(repetitions + 1):
        for name, work in contestants.items():
            if name in once and round_number > 1:
                continue
            seconds, used, peak, answer = _timed(work)
            if round_number:
                times[name].append(seconds)
            if round_number and name not in outside:
                processor[name].append(used)
            if name not in outside:
                result.peak_mb[name] = max(result.peak_mb.get(name, 0.0), peak)
            answers.setdefault(name, answer)
    gc.unfreeze()
    first = answers[result.ours]
    different = {name: answer for name, answer in answers.items() if answer != first}
    if different:
        raise AssertionError(
            f"{result.id}: contestants disagree: {result.ours}={first!r}, others {different!r}"
        )
    result.seconds = {name: statistics.median(measured) for name, measured in times.items()}
    result.processor = {name: statistics.median(measured) for name, measured in processor.items()}
    return result


def _timed(work: Callable[[], Any]) -> tuple[float, float, float, Any]:
    """Seconds, seconds of processor time, peak growth of resident memory in MB (sampled), and the answer."""
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    peak = before
    stop = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not stop.wait(0.01):
            peak = max(peak, process.memory_info().rss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    started, before_work = time.perf_counter(), time.process_time()
    answer = work()
    seconds, used = time.perf_counter() - started, time.process_time() - before_work
    stop.set()
    watcher.join()
    return seconds, used, (peak - before) / 2**20, answer


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    import duckdb
    import ibis

    return {
        "cores": psutil.cpu_count(),
        "load": round(psutil.getloadavg()[0], 1),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "duckdb": duckdb.__version__,
        "ibis": ibis.__version__,
    }


def table(results: list[Result]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| id | work | contestant | seconds | ours ÷ it | goal | processor s | peak MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for result in results:
        ratios, verdicts = result.ratios(), result.verdicts()
        for name, seconds in result.seconds.items():
            goal = f"≤ {result.goals[name]:g} {'✓' if verdicts[name] else '✗'}" if name in verdicts else ""
            if name in result.limits:
                limit = result.limits[name]
                goal = f"≤ {limit:g} s {'✓' if seconds <= limit else '✗'}"
            ratio = f"{ratios[name]:.2f}" if name in ratios else ""
            peak = f"{result.peak_mb[name]:.0f}" if name in result.peak_mb else "–"
            used = f"{result.processor[name]:.3f}" if name in result.processor else "–"
            lines.append(
                f"| {result.id} | {result.work} | {name} | {seconds:.3f} | {ratio} | {goal} | {used} | {peak} |"
            )
    for result in results:
        lines += [
            "",
            f"{result.id}, {result.work}: {_sizes(result.size)}.",
            *(f"- {note}" for note in [*result.notes, *result.memory_notes()]),
        ]
    return "\n".join(lines)


def _sizes(size: dict[str, Any]) -> str:
    return ", ".join(f"{value:,} {name}" for name, value in size.items())

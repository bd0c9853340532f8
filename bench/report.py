"""What a bench run found: a table for people, JSON for scripts, an SVG chart."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pygal


@dataclass(frozen=True, slots=True)
class Result:
    """One measure.

    Attributes:
        name: what was measured.
        value: the product's figure.
        unit: of value and floor.
        floor: the same measure of bare Temporal, or None when there is no such thing.
        ratio: what the target speaks of: value to floor, or to what the name says; or None.
        target: for example `>= 0.8`; empty when the figure is only printed.
        met: whether the target holds; None without one.
        spread: least and greatest of what the target speaks of, over the rounds of the run.
    """

    name: str
    value: float
    unit: str
    floor: float | None = None
    ratio: float | None = None
    target: str = ""
    met: bool | None = None
    spread: tuple[float, float] | None = None


def judged(
    name: str,
    value: float,
    unit: str,
    *,
    floor: float | None = None,
    ratio: float | None = None,
    at_least: float | None = None,
    at_most: float | None = None,
    rounds: Sequence[float] = (),
) -> Result:
    """Build a result and judge its ratio, or its value when it has none.

    `rounds` holds the same figure of each round, for its spread.
    """
    subject = value if ratio is None else ratio
    target, met = "", None
    if at_least is not None:
        target, met = f">= {at_least:g}", subject >= at_least
    elif at_most is not None:
        target, met = f"<= {at_most:g}", subject <= at_most
    spread = (min(rounds), max(rounds)) if rounds else None
    return Result(name, value, unit, floor, ratio, target, met, spread)


def beside(
    name: str,
    values: Sequence[float],
    floors: Sequence[float],
    unit: str,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Result:
    """Build a result of rounds in turns with a floor: medians, and the ratio of these is judged."""
    value, floor = statistics.median(values), statistics.median(floors)
    return judged(
        name,
        value,
        unit,
        floor=floor,
        ratio=value / floor,
        at_least=at_least,
        at_most=at_most,
        rounds=[mine / bare for mine, bare in zip(values, floors, strict=True)],
    )


def table(results: Sequence[Result]) -> str:
    """Return the results as a Markdown table."""
    rows = [("measure", "value", "floor", "ratio", "rounds", "target", "met")]
    for result in results:
        met = {True: "yes", False: "NO", None: ""}[result.met]
        value = f"{result.value:.4g} {result.unit}"
        spread = "" if result.spread is None else "{:.3g} to {:.3g}".format(*result.spread)
        floor, ratio = _number(result.floor), _number(result.ratio)
        rows.append((result.name, value, floor, ratio, spread, result.target, met))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def write(results: Sequence[Result], folder: Path) -> None:
    """Write `latest.json`, and `latest.svg`, which shows each throughput beside its floor."""
    folder.mkdir(parents=True, exist_ok=True)
    document = json.dumps([asdict(result) for result in results], indent=2)
    (folder / "latest.json").write_text(document + "\n")
    chart = pygal.HorizontalBar(
        title="Runs per second: Carillon and the floor, same machine, same run",
        legend_at_bottom=True,
        print_values=True,
        value_formatter=lambda value: f"{value:.1f}",
        js=[],
    )
    shown = [result for result in results if result.unit == "runs/s"]
    chart.x_labels = [result.name for result in shown]
    chart.add("Carillon", [result.value for result in shown])
    chart.add("floor", [result.floor for result in shown])
    (folder / "latest.svg").write_bytes(chart.render())

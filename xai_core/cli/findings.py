"""What a sanity check found: tables, figures, maps, and the verdicts in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

import numpy as np
import pandas as pd

from xai_core.charts import chart_bytes, curve_chart, map_grid
from xai_core.cli.photos import Photo
from xai_core.cli.plan import LAST, Plan
from xai_core.cli.sweep import KeptSweep, Network
from xai_core.cli.tables import aligned
from xai_core.explainers.choices import column_title
from xai_core.export import picture_stems, write_npz
from xai_core.figures import to_png
from xai_core.files import csv_bytes
from xai_core.heatmaps import Floats
from xai_core.measures import Needs, titles_of
from xai_core.randomization.check import COLUMNS
from xai_core.randomization.networks import STARTS
from xai_core.randomization.published import PUBLISHED, PUBLISHED_SSIM, verdicts_of
from xai_core.randomization.steps import LABELS, TESTS, TRAINED_LABEL, Step
from xai_core.randomization.stored_maps import FLOORS, PROBLEM, SCORES, map_name
from xai_core.randomization.sweep import TRAINED, Map
from xai_core.randomization.targets import own_class
from xai_core.randomization.verdicts import CONTESTED, SIGN, VERDICT, curves, verdicts

Steps = Sequence[tuple[Step, Network]]
DASH = "–"


class Findings:
    """Tables and figures of a finished sanity check.

    Args:
        plan: what was compared.
        kept: the maps and their scores, complete.
    """

    def __init__(self, plan: Plan, kept: KeptSweep) -> None:
        self._plan, self._kept = plan, kept
        self._stems = picture_stems(photo.name for photo in plan.photos)
        tables = [self._table(name, steps) for name, steps in plan.steps.items()]
        self.table = pd.concat(tables, ignore_index=True)
        self.verdicts = self._verdicts()

    @property
    def problems(self) -> list[str]:
        """Every reason for a gap, with the methods that have it."""
        rows = self.table[self.table.problem != ""][["method", "problem"]].drop_duplicates()
        return [f"{row.method}: {row.problem}" for row in rows.itertuples()]

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Every small file by its name."""
        yield "sanity.csv", csv_bytes(self.table)
        found = [
            curves(own).assign(test=test) for test, own in self.table.groupby("test", sort=False)
        ]
        lines = pd.concat(found, ignore_index=True)
        yield "curves.csv", csv_bytes(lines[["test", *lines.columns.drop("test")]])
        yield "verdicts.csv", csv_bytes(self.verdicts)
        show = self._shown
        drawn = lines[(lines["show"] == show) & (lines.test != LAST)]
        titles = {choice.id: column_title(choice.id) for choice in self._plan.choices}
        chart = curve_chart(drawn, titles, titles_of(Needs.TWO_MAPS), self._noise_floors(show))
        for form in ("png", "svg", "pdf"):
            yield f"curves.{form}", chart_bytes(chart, form)
        for test, steps in self._plan.steps.items():
            if test != LAST:
                for number, stem in enumerate(self._stems):
                    yield f"heatmaps/{test}/{stem}.png", self._heatmaps(test, steps, number)

    def write_maps(self, path: Path) -> None:
        """All maps [C, h, w], raw relevance, as NPZ."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        write_npz(part, self._maps())
        os.replace(part, path)

    def report(self) -> str:
        """The verdicts as text, beside the published ones, and why they are contested."""
        several = self.verdicts.test.nunique() > 1
        head = ["method", "SSIM", "spread", "verdict", "absolute", "", "shuffled", "published"]
        rows = [
            [
                row["method"] + (f" ({row['test']})" if several else ""),
                *(_number(row[name]) for name in ("similarity", "spread")),
                row["verdict"],
                _number(row["absolute"]),
                row["absolute verdict"],
                _number(row["shuffled"]),
                ", ".join(
                    f"{source.split()[0]} {verdict}"
                    for source, verdict in self._published(row["test"], row["method"]).items()
                )
                or DASH,
            ]
            for row in self.verdicts.to_dict("records")
        ]
        limits = self._plan.thresholds
        rule = (
            f"fails from {limits.fails:g}, weak from {limits.weak:g}; 'shuffled' is what the "
            "map's own values reach in another order."
        )
        own = own_class(self._plan.choices, self._plan.target)
        said = [own] if own else []
        return "\n".join([aligned([head, *rows]), f"Verdict: {rule}", *said, SIGN, CONTESTED])

    @property
    def _shown(self) -> str:
        shows = self._plan.shows
        return "all" if "all" in shows else shows[0]

    def _table(self, test: str, steps: Steps) -> pd.DataFrame:
        plan = self._plan
        rows = list(self._rows(steps, plan.measures, plan.shows))
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        frame.insert(0, "test", test)
        return frame

    def _rows(
        self, steps: Steps, measures: Sequence[str], shows: Sequence[str]
    ) -> Iterator[tuple[object, ...]]:
        """In the order of ``COLUMNS``, and of ``sanity_check``."""
        for step, network in steps:
            for choice in self._plan.choices:
                for number, photo in enumerate(self._plan.photos):
                    facts = self._kept.facts(network, choice.id, number)
                    trained = self._kept.facts(TRAINED, choice.id, number)
                    problem = facts[PROBLEM] or trained[PROBLEM]
                    place = (photo.name, choice.id, step.layer, step.depth, step.seed)
                    for measure in measures:
                        for show in shows:
                            score = facts[SCORES][measure][show]
                            value = np.nan if score is None else score
                            yield (*place, measure, show, value, problem)

    def _verdicts(self) -> pd.DataFrame:
        """One row for every method, by the last layer alone; and by the test "labels"."""
        plan = self._plan
        sources = {LAST: plan.last_alone}
        if LABELS in plan.steps:
            sources[LABELS] = [pair for pair in plan.steps[LABELS] if pair[0].depth]
        found = []
        for test, steps in sources.items():
            measure, show = VERDICT
            rows = list(self._rows(steps, [measure], [show, "absolute"]))
            scored = pd.DataFrame(rows, columns=list(COLUMNS))
            frame = verdicts(scored, plan.thresholds)
            absolute = verdicts(scored, plan.thresholds, measure, "absolute")
            frame["absolute"] = absolute.similarity
            frame["absolute verdict"] = absolute.verdict
            frame.insert(0, "test", test)
            found.append(frame)
        table = pd.concat([frame for frame in found if len(frame)], ignore_index=True)
        table["shuffled"] = [self._shuffled(name) for name in table.method]
        places = list(zip(table.test, table.method, strict=True))
        for source in PUBLISHED:
            table[source] = [self._published(*place).get(source, "") for place in places]
        table["Nuzzo 2020, similarity"] = [
            PUBLISHED_SSIM.get(method, "") if test == LAST else "" for test, method in places
        ]
        return table

    def _published(self, test: str, column: str) -> dict[str, str]:
        """They are about the last layer, not about labels."""
        return verdicts_of(column) if test == LAST else {}

    def _shuffled(self, column: str) -> float:
        measured = (
            self._kept.facts(TRAINED, column, number).get(FLOORS)
            for number in range(len(self._plan.photos))
        )
        values = [floors["shuffled"][VERDICT[1]][0] for floors in measured if floors is not None]
        defined = [value for value in values if value is not None]
        return float(np.mean(defined)) if defined else float("nan")

    def _noise_floors(self, show: str) -> dict[tuple[str, str], tuple[float, float]]:
        """By method and measure; a method's maps of all photos have one resolution."""
        found = {}
        for choice in self._plan.choices:
            for number in range(len(self._plan.photos)):
                floors = self._kept.facts(TRAINED, choice.id, number).get(FLOORS)
                for measure, by_show in (floors or {"noise": {}})["noise"].items():
                    mean, spread = by_show[show]
                    if mean is not None:
                        found[choice.id, measure] = (mean, spread)
        return found

    def _heatmaps(self, test: str, steps: Steps, number: int) -> bytes:
        """The maps of one photo at every depth of the first seed."""
        plan, photo = self._plan, self._plan.photos[number]
        seed = steps[0][0].seed
        first = [(step, network) for step, network in steps if step.seed == seed]
        rows = {
            column_title(choice.id): [
                self._drawable(network, choice.id, number) for _, network in first
            ]
            for choice in plan.choices
        }
        depths = [step.layer for step, _ in first]
        size = plan.clf.input_size
        return to_png(map_grid(rows, depths, photo.crop, self._captions(test, photo, seed), size))

    def _drawable(self, network: Network, column: str, number: int) -> Floats | None:
        found = self._kept.map(network, column, number)
        return None if isinstance(found, str) else found.astype(np.float64)

    def _captions(self, test: str, photo: Photo, seed: int) -> list[str]:
        name = PurePath(photo.name).name
        seen = f"{self._plan.clf.class_titles[photo.target]}, {photo.probability:.1%}"
        if test == LABELS:
            return [name, seen, TESTS[test]]
        start = STARTS[self._plan.tests[0].start]
        return [name, seen, f"{TESTS[test]}; {start}, seed {seed}"]

    def _maps(self) -> Iterator[tuple[str, Map]]:
        """Every map by its name; the trained network's once."""
        trained = Step(0, TRAINED_LABEL, 0, TRAINED)
        networks: list[tuple[str, Step, Network]] = [("", trained, TRAINED)]
        for test, steps in self._plan.steps.items():
            networks += [(test, *pair) for pair in steps if pair[1] != TRAINED]
        for test, step, network in networks:
            for choice in self._plan.choices:
                for number, stem in enumerate(self._stems):
                    found = self._kept.map(network, choice.id, number)
                    if not isinstance(found, str):
                        yield map_name(test, step, stem, choice.id), found


def _number(value: float) -> str:
    return DASH if np.isnan(value) else f"{value:.2f}"

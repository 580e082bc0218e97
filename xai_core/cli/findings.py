"""What a sanity check found: tables, figures, maps, and the verdicts in words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

import numpy as np
import pandas as pd

from xai_core.cache import Cache
from xai_core.charts import chart_bytes, curve_chart, map_grid
from xai_core.cli.plan import Plan
from xai_core.cli.subjects import Targeted
from xai_core.cli.tables import aligned
from xai_core.errors import DataError
from xai_core.explainers.choices import column_title
from xai_core.export import picture_stems, write_npz
from xai_core.figures import to_png
from xai_core.files import csv_bytes
from xai_core.measures import Needs, titles_of
from xai_core.provenance import Run
from xai_core.randomization.collapse import MEANING, remark
from xai_core.randomization.networks import STARTS
from xai_core.randomization.published import PUBLISHED, PUBLISHED_SSIM, verdicts_of
from xai_core.randomization.steps import LABELS, LAST, TESTS, Test
from xai_core.randomization.stored_maps import PROBLEM
from xai_core.randomization.sweep import Map
from xai_core.randomization.targets import own_class
from xai_core.randomization.verdicts import CONTESTED, SIGN, curves, marked
from xai_core.tasks import Inquiry, SweepResults
from xai_core.tasks.sanity_run import sanity_run

DASH = "–"


class Findings:
    """Tables and figures of a finished sanity check.

    Args:
        plan: what was compared.
        sweeps: the scores of each test, complete.
        cache: where the maps are.
    """

    def __init__(self, plan: Plan, sweeps: Sequence[SweepResults], cache: Cache) -> None:
        self._plan, self._sweeps, self._cache = plan, sweeps, cache
        self._names = [photo.name for photo in plan.photos]
        destroying = [one for one in sweeps if one.inquiry.test.mode != LABELS]
        # By the first test goes the verdict. Its networks are told apart if no test has them.
        self._first = destroying[:1]
        self._last = all(one.inquiry.steps[-1].depth < 0 for one in destroying)
        self.table = self._table()
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
        inquiry = self._sweeps[0].inquiry
        titles = {choice.id: column_title(choice.id) for choice in inquiry.choices}
        floors = self._sweeps[0].noise_floors(show)
        chart = curve_chart(drawn, titles, titles_of(Needs.TWO_MAPS), floors)
        for form in ("png", "svg", "pdf"):
            yield f"curves.{form}", chart_bytes(chart, form)
        for sweep in self._sweeps:
            for number, stem in enumerate(picture_stems(self._names)):
                name = f"heatmaps/{sweep.inquiry.test.mode}/{stem}.png"
                yield name, self._heatmaps(sweep.inquiry, number)

    def run(self, maps: bool) -> Run:
        """What repeats it.

        Args:
            maps: whether all maps are written to a file.
        """
        plan = self._plan
        images = [(one.name, one.hash, one.target, one.class_name) for one in plan.photos]
        asked = (plan.model, images, plan.inquiries, plan.thresholds)
        return sanity_run(*asked, measures=plan.measures, shows=plan.shows, maps=maps)

    def write_maps(self, path: Path) -> None:
        """All maps [C, h, w], raw relevance, as NPZ."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        write_npz(part, self._maps())
        os.replace(part, path)

    def report(self) -> str:
        """The verdicts as text, beside the published ones, and why they are contested."""
        several = self.verdicts.test.nunique() > 1
        head = ["method", "SSIM", "spread", "verdict", "absolute", "", "shuffled"]
        head += ["empty or at the border", "published"]
        rows = [
            [
                row["method"] + (f" ({row['test']})" if several else ""),
                *(_number(row[name]) for name in ("similarity", "spread")),
                marked(row["verdict"], remark(row)),
                _number(row["absolute"]),
                marked(row["absolute verdict"], remark(row)),
                _number(row["shuffled"]),
                remark(row) or DASH,
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
        inquiry = self._sweeps[0].inquiry
        own = own_class(inquiry.choices, inquiry.target)
        said = [own] if own else []
        if any(remark(row) for row in self.verdicts.to_dict("records")):
            said.append(MEANING)
        return "\n".join([aligned([head, *rows]), f"Verdict: {rule}", *said, SIGN, CONTESTED])

    @property
    def _shown(self) -> str:
        shows = self._plan.shows
        return "all" if "all" in shows else shows[0]

    def _table(self) -> pd.DataFrame:
        tables = []
        for sweep in self._sweeps:
            table = sweep.table(self._names, self._plan.measures, self._plan.shows)
            last = table.depth < 0
            test = np.where(last, LAST, sweep.inquiry.test.mode)
            table = table.assign(depth=table.depth.abs())
            table.insert(0, "test", test)
            tables.append(table if self._last and sweep in self._first else table[~last])
        return pd.concat(tables, ignore_index=True)

    def _verdicts(self) -> pd.DataFrame:
        """One row for every method, by the last layer alone; and by the test "labels"."""
        labels = [one for one in self._sweeps if one.inquiry.test.mode == LABELS]
        which = [(LAST, one) for one in self._first] + [(LABELS, one) for one in labels]
        found = []
        for test, sweep in which:
            frame = sweep.verdicts(self._plan.thresholds)
            frame = frame.drop(columns=["absolute spread", "shuffled spread"])
            frame.insert(0, "test", test)
            found.append(frame)
        table = pd.concat(found, ignore_index=True)
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

    def _heatmaps(self, inquiry: Inquiry, number: int) -> bytes:
        """The maps of one photo at every depth of the first seed."""
        photo, seed = self._plan.photos[number], inquiry.steps[1].seed
        own = [step for step in inquiry.steps if step.depth > 0 and step.seed == seed]
        steps = [inquiry.steps[0], *own]
        rows = {
            column_title(choice.id): [
                self._map(inquiry.keys[step][choice.id, number]) for step in steps
            ]
            for choice in inquiry.choices
        }
        captions = _captions(inquiry.test, photo, seed)
        depths = [step.layer for step in steps]
        return to_png(map_grid(rows, depths, photo.crop, captions, inquiry.size))

    def _map(self, key: str) -> Map | None:
        """One map [C, h, w]; None where the method failed.

        Raises:
            DataError: it could not be kept, or is gone.
        """
        if self._sweeps[0].facts[key][PROBLEM]:
            return None
        result = self._cache.get(key)
        if result is None:
            raise DataError(
                f"A result that was kept in {self._cache.folder} is gone, or could not be "
                "written; the same command computes it again."
            )
        return result.arrays["map"]

    def _maps(self) -> Iterator[tuple[str, Map]]:
        """Every map by its name; the trained network's once."""
        given: set[str] = set()
        for sweep in self._sweeps:
            for name, key in sweep.named(self._names):
                last = name.startswith(f"{LAST}/")
                if name in given or (last and not self._last):
                    continue
                given.add(name)
                found = self._map(key)
                if found is not None:
                    yield name, found


def _captions(test: Test, photo: Targeted, seed: int) -> list[str]:
    name = PurePath(photo.name).name
    seen = f"{photo.class_name}, {photo.probability:.1%}"
    if test.mode == LABELS:
        return [name, seen, TESTS[LABELS]]
    return [name, seen, f"{TESTS[test.mode]}; {STARTS[test.start]}, seed {seed}"]


def _number(value: float) -> str:
    return DASH if np.isnan(value) else f"{value:.2f}"

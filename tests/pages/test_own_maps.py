"""Maps computed elsewhere on the pages: columns beside the methods, without a browser."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pages.components import own_map_store, server_options
from pages.components.work import Work
from tests.pages.opening import address, page, words
from tests.pages.waiting import arrived, checked, ended, until
from xai_core.errors import MapError
from xai_core.explainers import foreign
from xai_core.images import sample_image
from xai_core.own_maps import OwnMaps


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What an address says of maps of the cat, of a picture that is not there, and of one by name.

    The map is 1 in the left half of the whole picture, and -1 in the right one.
    """
    monkeypatch.setenv("XAI_CACHE", str(tmp_path))
    width, height = sample_image("cat").size
    values = np.ones((1, height, width), np.float32)
    values[..., width // 2 :] = -1
    maps = {"cat": values, "unicorn": values}
    own = OwnMaps("Mine", maps, {"dog": "It is broken."}, refused=("It is broken.",))
    return f"Mine~{own_map_store.keep(own)}"


def test_what_is_kept_is_what_was_uploaded(kept: str) -> None:
    name, _, digest = kept.partition("~")
    found = own_map_store.kept(name, digest)
    assert set(found.maps) == {"cat", "unicorn"}
    assert (found.problems, found.refused) == ({"dog": "It is broken."}, ("It is broken.",))
    assert own_map_store.keep(found) == digest
    for other in ("0" * 64, "../x", ""):
        with pytest.raises(MapError, match="upload them again"):
            own_map_store.kept("Mine", other)


@pytest.mark.usefixtures("engine")
def test_own_maps_are_a_column_of_compare_and_of_reliability_and_not_of_sanity(kept: str) -> None:
    lost = f"Lost~{'0' * 64}"
    app = page("app.py", {"methods": "saliency", "maps": [kept, lost]})
    until(app, ended("compare", "pairs"))
    results = app.session_state["_work"]["compare"].results.values()
    own = next(one for one in results if one.facts["method"] == "maps:Mine")
    np.testing.assert_array_equal(np.sign(own.arrays["relevance"][0, 0, [0, -1]]), [1, -1])
    pairs = app.session_state["_work"]["pairs"].results.values()
    (scores,) = [one.arrays["scores"] for one in pairs]
    assert scores.shape == (2, 2), "the map is compared with the method's"
    assert np.isfinite(scores).all()
    said = words(app)
    assert "have 1 whose names match no picture: unicorn" in said.replace("\\", "")
    assert "It is broken" in said
    assert "Maps computed elsewhere" in said
    assert address(app, "maps") == [kept], "what is kept no longer is not in the address"

    for name, value in {"methods": "saliency", "shuffles": "0", "eps_max": "15"}.items():
        app.query_params[name] = value
    checked(app.switch_page("pages/reliability.py").run())

    def measured(works: Mapping[str, Work]) -> list[dict[str, Any]]:
        found = works["apem-rows"].results.values() if "apem-rows" in works else []
        rows = [row for one in found for row in one.facts["rows"]]
        return [row for row in rows if row["method"] == "maps:Mine"]

    until(app, lambda works: bool(measured(works)))
    rows = measured(app.session_state["_work"])
    assert len(rows) == 3
    assert not any(row.get("problem") for row in rows)

    checked(app.switch_page("pages/sanity.py").run())
    until(app, lambda works: "Your maps (Mine) are not offered here" in words(app))


@pytest.mark.usefixtures("engine")
def test_own_maps_are_matched_with_a_folder_of_pictures_by_name(kept: str) -> None:
    def photograph(name: str) -> tuple[str, bytes, str]:
        content = io.BytesIO()
        sample_image(name).save(content, "PNG")
        return f"mine/{name}.png", content.getvalue(), "image/png"

    query = {"methods": "edges", "maps": kept, "shuffles": "0", "eps_max": "3"}
    query |= {"view": "Many pictures", "cohort": "A folder of mine"}
    app = page("app.py", query).switch_page("pages/reliability.py")

    def uploaders() -> list[Any]:
        return [one for one in app.file_uploader if one.key == "cohort_folder"]

    until(app, lambda _: bool(uploaders()))
    uploaders()[0].set_value([photograph("cat"), photograph("coffee")])
    until(app, lambda works: ended("apem-many")(works) and arrived("apem-many")(works))
    found = app.session_state["_work"]["apem-many"].results.values()
    rows = [row for one in found for row in one.facts["rows"] if row["method"] == "maps:Mine"]
    problems = [row["problem"] for row in rows]
    assert problems.count("") == 3, "the cat's map at three stages"
    assert sum("hold none of the name 'coffee'" in problem for problem in problems) == 3
    assert "match no picture: unicorn" in words(app).replace("\\", "")


@pytest.mark.usefixtures("engine", "methods_restored")
def test_methods_that_could_not_be_taken_are_named_below_the_others(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.py").write_text("raise ValueError('no luck')")
    server_options.take(["app.py", "--methods-from", str(tmp_path / "mine.py")])
    foreign.take()
    app = until(page("app.py", {"methods": "saliency"}), ended("compare"))
    assert any("no luck" in one.value for one in app.warning)

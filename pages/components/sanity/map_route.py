"""Maps of randomised networks for the browser, drawn from what is kept when it asks for them.

A sweep has thousands of maps, of which a visitor sees some: the page tells their addresses
alone.
"""

from __future__ import annotations

import re

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pages.components.display_controls import FULL
from pages.components.routes import own_route, unchanging
from xai_core.heatmaps import SHOWS, signed_map, upsample
from xai_core.jobs import shared_engine

PATH = "maps"
LARGEST_SIDE = 4096
_KEY = re.compile(r"[0-9a-f]{64}")


def address(key: str, size: tuple[int, int], show: str, clip: float | None) -> str:
    """Where the browser finds a map as int16 [H, W], seen from any page.

    Args:
        key: content key of the map.
        size: (height, width) to which it is enlarged.
        show: as in ``heatmaps.signed_map``.
        clip: likewise.
    """
    percentile = 100.0 if clip is None else clip
    return f"{PATH}/{key}/{size[0]}x{size[1]}/{show}/{percentile:g}"


async def serve(request: Request) -> Response:
    """One map, or 404."""
    given = request.path_params
    height, width = given["height"], given["width"]
    good = _KEY.fullmatch(given["key"]) and given["show"] in SHOWS and 0 < given["clip"] <= 100
    if not good or not (0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE):
        return Response(status_code=404)
    clip = given["clip"] if given["clip"] < 100 else None
    content = await run_in_threadpool(_drawn, given["key"], (height, width), given["show"], clip)
    if content is None:
        return Response(status_code=404)
    return unchanging(content, "application/octet-stream", "private")


def route() -> Route:
    """The web server's route to the maps."""
    place = "{key}/{height:int}x{width:int}/{show}/{clip:float}"
    return own_route(f"{PATH}/{place}", serve)


def _drawn(key: str, size: tuple[int, int], show: str, clip: float | None) -> bytes | None:
    found = shared_engine().cache.get(key)
    if found is None or "map" not in found.arrays:
        return None
    large = upsample(found.arrays["map"][None].astype(np.float64), size)
    values = signed_map(large, show, clip)[0]
    content: bytes = np.rint(values * FULL).astype("<i2").tobytes()
    return content

"""Which study's results are open, in the address."""

from __future__ import annotations

RESULTS = "results"  # "study" is the participants', "design" the design page's

"""Spares workers loading torch, which is most of their start: the tests' tasks do not need it.

Python runs the file of this name that it finds on its path, before anything else.
"""

import sys
from types import ModuleType

sys.modules["xai_core.tasks"] = ModuleType("xai_core.tasks")

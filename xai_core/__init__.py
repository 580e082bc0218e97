"""The science of the workbench: models, explanations and the measures of their quality.

Nothing in this package imports streamlit; everything works from Python and from
``python -m xai_core``. The letters T, C, A, E and S in docstrings name the five works of
``docs/sources.md``.
"""

__version__ = "0.1.0"

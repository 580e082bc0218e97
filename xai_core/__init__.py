"""The science of the workbench: models, explanations and the measures of their quality.

Nothing in this package imports streamlit; everything works from Python and from
``python -m xai_core``.
"""

__version__ = "0.1.0"

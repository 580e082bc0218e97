"""Does the heatmap change with the class? (S section 7.3)."""

from xai_core.class_sensitivity.published import PUBLISHED
from xai_core.class_sensitivity.scores import ClassScores, compare_classes
from xai_core.class_sensitivity.summary import as_table, averages, rows_of

__all__ = ["PUBLISHED", "ClassScores", "as_table", "averages", "compare_classes", "rows_of"]

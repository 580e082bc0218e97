"""Training: recipes, augmentation and the loop."""

from xai_core.training.recipes import RECIPES, Recipe
from xai_core.training.trainer import fit

__all__ = ["RECIPES", "Recipe", "fit"]

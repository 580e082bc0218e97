"""Classifiers: the networks that are explained, and where their weights come from."""

from xai_core.models.classifier import Classifier
from xai_core.models.registry import ModelInfo, available_models, load_classifier

__all__ = ["Classifier", "ModelInfo", "available_models", "load_classifier"]

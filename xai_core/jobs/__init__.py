"""The compute engine: heavy work in processes of its own, with progress, cancel and cache."""

from xai_core.jobs.engine import Engine, shared_engine
from xai_core.jobs.job import Job
from xai_core.jobs.task import Task
from xai_core.jobs.thread import shared_thread_engine

__all__ = ["Engine", "Job", "Task", "shared_engine", "shared_thread_engine"]

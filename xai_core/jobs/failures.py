"""What a user reads when there is no result."""

from __future__ import annotations

import logging

from xai_core.errors import XaiError
from xai_core.jobs.task import Task

log = logging.getLogger(__name__)

DIED = (
    "The worker process died twice before the result was there, perhaps because the machine ran "
    "out of memory. It has been started again; try once more or choose a smaller computation."
)
FAILED = "The computation failed unexpectedly; the server's log has the details."
LOST = "The connection to the compute engine was lost twice. It is being restarted; try once more."
MEMORY_OF_CARD = (
    "The computation ran out of the graphics card's memory. Try fewer samples, a smaller chunk or "
    "a smaller model, or XAI_DEVICE=cpu."
)
VANISHED = "The result was lost on its way back, twice. Try once more."


def sentence(error: BaseException, task: Task, limit: int) -> str:
    """What is said of an error in a worker.

    Args:
        error: that the task raised.
        task: the one that failed.
        limit: bytes that its worker may use; 0 if there is no limit.
    """
    if isinstance(error, XaiError):
        return str(error)
    # torch says it in words: its own error is a RuntimeError.
    told = str(error).lower()
    if isinstance(error, MemoryError) or "allocate memory" in told or "out of memory" in told:
        return MEMORY_OF_CARD if "cuda" in told or "mps" in told else too_large(limit)
    return failed(task, error)


def failed(task: Task, error: BaseException) -> str:
    """What is said of an error that nobody expected; the log gets the rest."""
    log.error("The task %s failed", task.function, exc_info=error)
    return FAILED


def too_large(limit: int) -> str:
    """What is said of a task that took more memory than ``limit`` bytes (0: none is known)."""
    told = f" (limit {limit / 2**30:.1f} GiB)" if limit else ""
    return (
        f"The computation ran out of memory{told}. "
        "Try fewer samples, a smaller chunk or a smaller model."
    )

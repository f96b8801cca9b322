"""Many pictures and many machines: `batch`, and executors for one explanation over many workers.

Nothing below knows of this package; the loop knows that there are executors, but none of them.
"""

from __future__ import annotations

from unmask.cluster.driver import Progress, batch
from unmask.cluster.executors import ProcessExecutor, RayExecutor
from unmask.cluster.results import Results, open  # noqa: A004 - cluster.open reads well
from unmask.models.source import ModelSource

__all__ = ["ModelSource", "ProcessExecutor", "Progress", "RayExecutor", "Results", "batch", "open"]

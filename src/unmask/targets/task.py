"""A task: how what is explained is asked for, found, scored and asked for again.

A task is one file. It says whose models are its own, reads what the user asks for before the model
is called, and fixes it by what the model says of the whole input.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from unmask.inputs.sample import Sample
    from unmask.models.model import Model
    from unmask.targets.target import Target

__all__ = ["TASKS", "Targets", "Task", "leading", "register", "task_of"]


class Targets(Protocol):
    """What is explained, fixed: all of it is read from the same model calls.

    Attributes
    ----------
    targets : tuple of Target

    Notes
    -----
    Where these do not tell all that scores depend on, ``content``, a tuple of arrays or texts,
    holds the rest: a checkpoint of others is refused. ``leading`` are the places of those whose
    reliability decides how long a run goes on, where it is not that of all.
    """

    @property
    def targets(self) -> tuple[Target, ...]:
        """What is explained."""

    def __len__(self) -> int:
        """How many there are."""

    def score(self, outputs: Any, n: int) -> NDArray[np.float64]:
        """Score a batch.

        Parameters
        ----------
        outputs : as the model returned them
        n : int
            Batch size.

        Returns
        -------
        ndarray of float64, shape (n, k)

        Raises
        ------
        ModelOutputError
            Outputs that cannot be scored.
        """


class Task(Protocol):
    """One task.

    Attributes
    ----------
    name : str
        By which `unmask.run.settings` knows its defaults, and its models are told apart.
    single : Any
        What is asked for where one target is wanted and none is named.

    Notes
    -----
    A task may have a method ``claims(model, asked) -> bool`` too: whether what is asked for is of
    this task, whatever the model is, as a region is one of segmentation. And a method
    ``settle(specs, model, sample) -> (model, specs, notes)``: what takes a call of the model before
    it can be asked about the whole input, as an answer of its own does.
    """

    @property
    def name(self) -> str:
        """Its name."""

    @property
    def single(self) -> Any:
        """What is asked for where one target is wanted and none is named."""

    def accepts(self, model: Model) -> bool:
        """Whether a model is of this task."""

    def parse(self, model: Model, asked: Any, top: int | None = None) -> tuple[Model, Any]:
        """Check what is asked for, as far as that is possible without calling the model.

        Parameters
        ----------
        model : Model
        asked
            As for `unmask.explain`.
        top : int, optional
            Scores count only among so many best classes.

        Returns
        -------
        model : Model
            The same, or as what is asked for wants it.
        specs
            For `resolve`.

        Raises
        ------
        TargetError
        """

    def resolve(self, specs: Any, outputs: Any, model: Model, sample: Sample) -> Targets:
        """Fix what is explained by what the model says of the whole input.

        Raises
        ------
        TargetError
            It is not there.
        """

    def found(
        self, outputs: Any, model: Model, sample: Sample, top: int | None = None
    ) -> Sequence[Any]:
        """Return what the model says of the whole input, best first; `top` at most."""


def leading(targets: Targets) -> tuple[int, ...]:
    """Return the places of targets whose reliability decides how long a run goes on."""
    inner = getattr(targets, "inner", targets)  # behind a link
    found: tuple[int, ...] = getattr(inner, "leading", tuple(range(len(targets))))
    return found


# By name. The last that accepts a model gets it, so what is more special is registered later.
TASKS: dict[str, Task] = {}


def register(task: Task) -> Task:
    """Add a task."""
    TASKS[task.name] = task
    return task


def task_of(model: Model, asked: Any = None) -> Task:
    """Return the task of what is asked for, else that of the model."""
    for task in reversed(TASKS.values()):
        claims = getattr(task, "claims", None)
        if claims is not None and claims(model, asked):
            return task
    return next(task for task in reversed(TASKS.values()) if task.accepts(model))

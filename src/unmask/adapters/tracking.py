"""Figures and numbers of an explanation for trackers of experiments."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Iterator

    from unmask.run.explanation import Explanation

__all__ = ["log_mlflow", "log_tensorboard", "log_wandb"]


def log_mlflow(explanation: Explanation, name: str = "unmask", *, step: int | None = None) -> None:
    """Log to MLflow's active run: score and reliability of each target, masks, and figures.

    Parameters
    ----------
    explanation : Explanation
    name : str, default "unmask"
        What keys and files begin with.
    step : int, optional
        Of the numbers.

    Raises
    ------
    MissingExtra
        MLflow is not installed.
    """
    try:
        import mlflow
    except ImportError as error:
        raise MissingExtra("mlflow", "adapters") from error
    mlflow.log_metrics(dict(_numbers(explanation, name)), step=step)
    for key, number in _keys(explanation, name):
        mlflow.log_figure(explanation.plot(number), f"{key}.png")


def log_wandb(
    explanation: Explanation, name: str = "unmask", *, run: Any = None, step: int | None = None
) -> None:
    """Log to a run of Weights & Biases: score and reliability of each target, masks, and figures.

    Parameters
    ----------
    explanation : Explanation
    name : str, default "unmask"
        What keys begin with.
    run : wandb.Run, optional
        The current one by default.
    step : int, optional

    Raises
    ------
    MissingExtra
        wandb is not installed.
    """
    try:
        import wandb
    except ImportError as error:
        raise MissingExtra("wandb", "adapters") from error
    figures = {
        f"{key}/figure": wandb.Image(_pixels(explanation, number))
        for key, number in _keys(explanation, name)
    }
    (wandb if run is None else run).log({**dict(_numbers(explanation, name)), **figures}, step=step)


def log_tensorboard(
    explanation: Explanation, writer: Any, name: str = "unmask", *, step: int | None = None
) -> None:
    """Write to TensorBoard: score and reliability of each target, masks, and figures.

    Parameters
    ----------
    explanation : Explanation
    writer : torch.utils.tensorboard.SummaryWriter
        Or whatever has its ``add_scalar`` and ``add_image``, as tensorboardX's.
    name : str, default "unmask"
        What tags begin with.
    step : int, optional

    Examples
    --------
    >>> import unmask
    >>> class Printed:
    ...     def add_scalar(self, tag, value, step):
    ...         print(tag, step)
    ...     def add_image(self, tag, image, step, dataformats):
    ...         print(tag, image.ndim, dataformats)
    >>> made = unmask.explain("demo", unmask.demo.pictures()["street"], "heart", masks=256)
    >>> log_tensorboard(made, Printed(), step=3)
    unmask/masks 3
    unmask/heart/score 3
    unmask/heart/reliability 3
    unmask/heart/figure 3 HWC
    """
    for key, value in _numbers(explanation, name):
        writer.add_scalar(key, value, step)
    for key, number in _keys(explanation, name):
        pixels = _pixels(explanation, number)
        writer.add_image(f"{key}/figure", pixels, step, dataformats="HWC")


def _keys(explanation: Explanation, name: str) -> Iterator[tuple[str, int]]:
    """Yield what each target is called in a tracker, whose keys take few characters."""
    seen: set[str] = set()
    for number, target in enumerate(explanation.targets):
        key = f"{name}/{re.sub(r'[^A-Za-z0-9_. -]+', '_', target.label)[:80].strip()}"
        yield key if key not in seen else f"{key} {number}", number
        seen.add(key)


def _numbers(explanation: Explanation, name: str) -> Iterator[tuple[str, float]]:
    yield f"{name}/masks", float(explanation.masks)
    for key, number in _keys(explanation, name):
        yield f"{key}/score", float(explanation.targets[number].score)
        yield f"{key}/reliability", float(explanation.reliabilities[number])


def _pixels(explanation: Explanation, number: int) -> Any:
    """Return a figure as uint8 (H, W, 3)."""
    from unmask.draw.canvas import pixels

    return np.asarray(pixels(explanation.plot(number)))

"""RISE as an attribution of Captum's: ``attribute(inputs, target=...)`` on torch tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.errors import MissingExtra, SettingError
from unmask.models.loading import load
from unmask.run.explain import explain

try:
    import torch
    from captum.attr import Attribution
except ImportError as error:
    raise MissingExtra(error.name or "captum", "adapters") from error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

__all__ = ["Rise"]

# Of a batch by its number of axes.
LAYOUTS = {2: "NT", 3: "NCT", 4: "NCHW", 5: "NCDHW"}


class Rise(Attribution):  # type: ignore[misc]
    """RISE (arXiv:1806.07421) with the interface of ``captum.attr``.

    Parameters
    ----------
    forward_func : torch.nn.Module or callable
        Takes a batch of tensors, returns (n, classes), or (n,) for a single score.

    Examples
    --------
    >>> import torch
    >>> mean = lambda batch: batch[:, :, :4].mean(dim=(1, 2, 3))
    >>> inputs = torch.rand(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    >>> found = Rise(mean).attribute(inputs, masks=256, grid=4)
    >>> found.shape, bool(found[0, 0, 1, 5] > found[0, 0, 6, 5])
    (torch.Size([2, 3, 8, 12]), True)
    """

    def __init__(self, forward_func: Callable[..., Any]) -> None:
        super().__init__(forward_func)

    @property
    def multiplies_by_inputs(self) -> bool:
        """False: what is returned is a map of influence, not of products."""
        return False

    def attribute(
        self,
        inputs: Tensor,
        target: int | Sequence[int] | Tensor | None = None,
        additional_forward_args: Any = None,
        *,
        return_stderr: bool = False,
        **settings: Any,
    ) -> Any:
        """Explain every input of a batch.

        Parameters
        ----------
        inputs : tensor, shape (n, C, H, W), (n, C, T), (n, T) or (n, C, D, H, W)
            In the model's own space.
        target : int, or one for each input; None for a single score
            Classes.
        additional_forward_args : optional
            What `forward_func` takes beside the batch, the same for every input.
        return_stderr : bool, default False
            Return standard errors too.
        **settings
            As for `unmask.explain`: masks, grid, seed, fill and so on.

        Returns
        -------
        tensor, of the inputs' shape
            What a place's visibility changes, in units of the score; the same for all channels, as
            they are hidden together. With `return_stderr`, a pair of these.

        Raises
        ------
        SettingError
            Inputs or targets of another shape.
        """
        layout = LAYOUTS.get(inputs.ndim) if isinstance(inputs, torch.Tensor) else None
        if layout is None:
            raise SettingError(
                f"inputs={type(inputs).__name__}: expected one tensor with the batch first, of 2 "
                "to 5 axes"
            )
        targets = np.broadcast_to(0 if target is None else _host(target), len(inputs))
        beside = additional_forward_args
        more = () if beside is None else beside if isinstance(beside, tuple) else (beside,)

        def score(batch: Any) -> Any:
            with torch.no_grad():
                sent = torch.as_tensor(batch, dtype=inputs.dtype, device=inputs.device)
                return self.forward_func(sent, *more).detach().cpu().numpy()

        name = getattr(self.forward_func, "__name__", type(self.forward_func).__name__)
        model = load(score, layout=layout, activation="logits", name=name)  # scores as they are
        found = [
            _spread(explain(model, array, int(one), preprocess="raw", **settings), inputs.shape[1:])
            for array, one in zip(_host(inputs), targets, strict=True)
        ]
        maps, errors = (
            torch.as_tensor(np.stack(part), dtype=inputs.dtype, device=inputs.device)
            for part in zip(*found, strict=True)
        )
        return (maps, errors) if return_stderr else maps


def _host(values: Any) -> Any:
    return values.detach().cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _spread(made: Any, shape: Sequence[int]) -> tuple[Any, Any]:
    """Return a map of influence and its standard error for every channel."""
    change = made.model_maps[0] - made.levels[0]
    error = made.influence_stderr(0)
    return np.broadcast_to(change, shape), np.broadcast_to(error, shape)

"""A session of ONNX Runtime of several inputs that looks as if it had one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask.models.held import unheld

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from unmask.models.held import Held


__all__ = ["HELD", "HeldSession"]


# Types of inputs that are held.
HELD: Mapping[str, Any] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(int16)": np.int16,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
    "tensor(bool)": np.bool_,
}


@dataclass(frozen=True)
class HeldSession:
    """A session whose other inputs are fed beside the one that is masked.

    Attributes
    ----------
    session : onnxruntime.InferenceSession
    main : str
        Name of the masked one.
    others : mapping of str to Held, or None
        None where nobody said yet what they are.
    """

    session: Any
    main: str
    others: Mapping[str, Held] | None

    def get_inputs(self) -> list[Any]:
        """Return the masked input alone."""
        return [entry for entry in self.session.get_inputs() if entry.name == self.main]

    def get_outputs(self) -> Any:
        """Return the outputs."""
        return self.session.get_outputs()

    def get_modelmeta(self) -> Any:
        """Return what the file says of itself."""
        return self.session.get_modelmeta()

    def run(self, outputs: Any, feeds: Mapping[str, NDArray[Any]], *options: Any) -> Any:
        """Run it, with the others for a batch of the same size."""
        if self.others is None:
            raise unheld(self.main)
        n = len(feeds[self.main])
        beside = {name: one.of(n) for name, one in self.others.items()}
        return self.session.run(outputs, {**feeds, **beside}, *options)

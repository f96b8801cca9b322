"""runtime="onnx" for PyTorch modules: the same scores, or a clear refusal."""

import dataclasses
import importlib.util
import sys

import numpy as np
import pytest

import unmask
from unmask.errors import MissingExtra, ModelError
from unmask.models.model import build
from unmask.models.torch.onnx_export import exporter

for name in ("torch", "onnxscript", "onnxruntime"):
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed", allow_module_level=True)

SIZE = (24, 40)


@pytest.fixture(scope="module")
def module():
    import torch

    torch.manual_seed(0)
    # The mean over any size, so that the size may stay free.
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 6, 5, stride=2),
        torch.nn.BatchNorm2d(6),
        torch.nn.ReLU(),
        torch.nn.Dropout(0.5),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(6, 4),
    )


def wrapped(module, **changes):
    """A Model of a module, as the loader of PyTorch makes it."""
    import torch

    def run(batch):
        module.eval()
        with torch.inference_mode():
            return module(torch.from_numpy(np.asarray(batch))).numpy()

    made = build(
        run=run,
        name="net",
        layout="NCHW",
        size=SIZE,
        channels=3,
        activation="logits",
        export=exporter(module, "NCHW", SIZE, 3),
    )
    return dataclasses.replace(made, **changes)


@pytest.mark.slow
def test_scores_agree_at_any_batch_size_and_nothing_is_printed(module, capfd):
    model = wrapped(module)
    faster = unmask.load(model, runtime="onnx")
    batch = np.random.default_rng(0).uniform(0, 255, (9, 3, *SIZE)).astype(np.float32)
    for n in (1, 2, 9):
        np.testing.assert_allclose(faster(batch[:n]), model(batch[:n]), rtol=1e-4, atol=1e-4)
    assert faster.export is None
    assert "onnxruntime" in faster.versions
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
def test_flags_are_put_back_and_a_free_size_stays_free(module, tmp_path):
    import onnxruntime

    module.train()
    module[3].eval()
    before = [one.training for one in module.modules()]
    exporter(module, "NCHW", None, 3)(tmp_path / "free.onnx")
    assert [one.training for one in module.modules()] == before == [True] * 4 + [False] + [True] * 3
    session = onnxruntime.InferenceSession(tmp_path / "free.onnx")
    module.eval()
    import torch

    for size in ((24, 40), (33, 17)):
        batch = np.random.default_rng(0).random((3, 3, *size)).astype(np.float32)
        with torch.inference_mode():
            own = module(torch.from_numpy(batch)).numpy()
        np.testing.assert_allclose(session.run(None, {"images": batch})[0], own, atol=1e-5)


@pytest.mark.slow
def test_what_differs_is_refused(module):
    import torch

    torch.manual_seed(1)
    other = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * SIZE[0] * SIZE[1], 4))
    with pytest.raises(ModelError, match="net in ONNX gives scores that differ"):
        unmask.load(wrapped(module, export=exporter(other, "NCHW", SIZE, 3)), runtime="onnx")


@pytest.mark.slow
def test_a_module_that_cannot_be_exported_is_refused_in_one_line():
    import torch

    class Branching(torch.nn.Module):
        def forward(self, x):
            return x.mean((2, 3)) if float(x.sum()) > 0 else x.amax((2, 3))

    with pytest.raises(ModelError, match="net could not be turned into ONNX") as caught:
        unmask.load(wrapped(Branching()), runtime="onnx")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_missing_exporter_names_its_extra(module, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtra, match=r"onnxscript .* pip install 'unmask\[convert\]'"):
        unmask.load(wrapped(module), runtime="onnx")


def test_many_small_probabilities_are_compared_by_their_own_size(module):
    """Of 8,000 classes none may score above 0.001, and 0.001 apart says nothing then."""
    from unmask.models.to_onnx import _compare

    def spread(seed):
        values = np.exp(np.random.default_rng(seed).normal(0, 0.3, (4, 8000)))
        return values / values.sum(axis=1, keepdims=True)

    def giving(outputs):
        return wrapped(module, run=lambda _: outputs, activation="probabilities")

    assert np.abs(spread(0) - spread(1)).max() < 1e-3
    _compare(giving(spread(0)), giving(spread(0) + 1e-9))
    with pytest.raises(ModelError, match="differ from its own by up to"):
        _compare(giving(spread(0)), giving(spread(1)))

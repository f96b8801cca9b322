"""All of `unmask.explain` against the model alone, on a GPU.

ResNet50 with random weights at 224 x 224, bfloat16, channels_last, 7,000 masks: the time of
`explain` over that of the model alone on as many inputs, in batches that stay on the GPU. The time
does not depend on what the weights are. The two alternate; the median of the ratios is taken.

    python benchmarks/gpu.py                          on a GPU
    python benchmarks/gpu.py --device cpu --masks 96  proves that the script works; no bars apply

Exit status 1 if a bar is missed, 2 where there is no GPU.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from typing import Any

import numpy as np
from common import NO_DATA, parser, start, verdict

import unmask

RATIO, SECONDS = 1.05, 1.5
SIDE = 224


def resnet50() -> Any:
    """ResNet50 (He et al., 2016) with random weights; 25.6 million parameters."""
    from torch import nn

    def unit(entries: int, outputs: int, side: int, stride: int = 1) -> list[Any]:
        return [
            nn.Conv2d(entries, outputs, side, stride, side // 2, bias=False),
            nn.BatchNorm2d(outputs),
        ]

    class Bottleneck(nn.Module):  # type: ignore[misc]
        def __init__(self, entries: int, width: int, stride: int) -> None:
            super().__init__()
            self.body = nn.Sequential(
                *unit(entries, width, 1),
                nn.ReLU(inplace=True),
                *unit(width, width, 3, stride),
                nn.ReLU(inplace=True),
                *unit(width, 4 * width, 1),
            )
            same = entries == 4 * width and stride == 1
            self.short = (
                nn.Identity() if same else nn.Sequential(*unit(entries, 4 * width, 1, stride))
            )
            self.last = nn.ReLU(inplace=True)

        def forward(self, x: Any) -> Any:
            return self.last(self.body(x) + self.short(x))

    parts: list[Any] = [*unit(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    entries = 64
    for stage, count in enumerate((3, 4, 6, 3)):
        width = 64 * 2**stage
        for block in range(count):
            parts.append(Bottleneck(entries, width, 2 if block == 0 and stage else 1))
            entries = 4 * width
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(entries, 1000))


def alone(model: unmask.Model, device: str, dtype: Any, size: int, count: int) -> float:
    """Seconds of the model alone on `count` inputs, the same batch in memory each time."""
    import torch

    batch = torch.randn(size, 3, SIDE, SIDE, device=device, dtype=dtype)
    batch = batch.to(memory_format=torch.channels_last)
    begin = time.perf_counter()
    for first in range(0, count, size):
        model.run(batch[: min(size, count - first)])  # ends with the scores in NumPy
    return time.perf_counter() - begin


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--device", default="cuda")
    flags.add_argument("--masks", type=int, default=7000)
    flags.add_argument("--batch-size", type=int, help="default 256 on a GPU, 16 on a CPU")
    flags.add_argument("--repeats", type=int, default=5)
    flags.add_argument("--compile", action="store_true", help="by torch.compile, both alike")
    arguments = flags.parse_args()
    start(arguments)
    try:
        import torch
    except ImportError:
        print("PyTorch is not installed: pip install 'unmask[torch]'", file=sys.stderr)
        return NO_DATA
    gpu = arguments.device.startswith("cuda")
    if gpu and not torch.cuda.is_available():
        print(
            "There is no GPU here, so nothing was measured. --device cpu --masks 96 shows that the "
            "script works.",
            file=sys.stderr,
        )
        return NO_DATA
    size = arguments.batch_size or (256 if gpu else 16)
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    module = resnet50()
    millions = sum(parameter.numel() for parameter in module.parameters()) / 1e6
    module = (module.to(torch.bfloat16) if gpu else module).eval()
    model = unmask.load(
        torch.compile(module) if arguments.compile else module,
        device=arguments.device,
        channels_last=True,
        preprocess="torch",
        size=(SIDE, SIDE),
        activation="softmax",
        name="ResNet50, random weights",
    )
    dtype = next(module.parameters()).dtype
    where = torch.cuda.get_device_name() if gpu else "the CPU"
    print(
        f"torch {torch.__version__} on {where}; {millions:.1f} million parameters of "
        f"{dtype}{', compiled' * arguments.compile}; {arguments.masks:,} masks in batches of {size}"
    )
    warnings.simplefilter("ignore", unmask.UnmaskWarning)  # few masks, when only trying
    picture = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    warm = min(arguments.masks, 2 * size) + arguments.masks % size  # every batch size that comes
    alone(model, arguments.device, dtype, size, warm)
    unmask.explain(model, picture, 0, masks=warm, batch_size=size)
    ours, theirs = [], []
    for _ in range(arguments.repeats):
        theirs.append(alone(model, arguments.device, dtype, size, arguments.masks))
        begin = time.perf_counter()
        unmask.explain(model, picture, 0, masks=arguments.masks, batch_size=size)
        ours.append(time.perf_counter() - begin)
        print(f"  the model alone {theirs[-1]:7.3f} s   explain {ours[-1]:7.3f} s", flush=True)
    # Pairs are neighbors in time, so other work on the machine slows both alike.
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    seconds = statistics.median(ours)
    print()
    if not gpu:
        print(f"explain over the model alone: {ratio:.3f} (a CPU: no bar applies)")
        return 0
    reached = [
        verdict("explain over the model alone", ratio, RATIO, lambda value: f"{value:.3f}", True),
        verdict("explain", seconds, SECONDS, lambda value: f"{value:.2f} s", True),
    ]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())

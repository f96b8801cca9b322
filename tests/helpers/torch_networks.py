"""Networks of PyTorch that keep what they saw, or give what they are told."""

from types import SimpleNamespace

import torch
from torch import nn


class Net(nn.Module):
    """A small network with everything that evaluation mode changes; it keeps what it saw."""

    def __init__(self, dims=2, channels=3, classes=4):
        super().__init__()
        conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[dims - 1]
        norm = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)[dims - 1]
        self.stem = nn.Sequential(conv(channels, 6, 3), norm(6), nn.ReLU(), nn.Dropout(0.5))
        self.head = nn.Linear(6, classes)
        self.axes = tuple(range(2, 2 + dims))
        self.seen = []

    def forward(self, x):
        self.seen.append(SimpleNamespace(x=x, inference=torch.is_inference_mode_enabled()))
        hidden = self.stem(x)
        self.seen[-1].hidden = hidden.dtype
        return self.head(hidden.mean(self.axes))


class Gives(nn.Module):
    def __init__(self, make):
        super().__init__()
        self.make = make

    def forward(self, x):
        return self.make(x.mean((2, 3)))

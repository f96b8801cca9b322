"""Write pip constraints that hold every dependency to the lowest version that is allowed.

`make lowest` installs with them and runs the fast tests: a lower bound in pyproject.toml is a
promise. What only tests need is left free, and so is what another extra pins (torch, which the
tests take at the one version that the embedded classifier was trained with).
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"
BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?(>=|==)([0-9][^,;]*)")
# Tools, and what is measured against; not what users are promised.
FREE = ("test", "docs", "peers", "train")


def constraints(project: dict[str, Any]) -> list[str]:
    """Return a line for each dependency of the package and of its extras.

    Parameters
    ----------
    project : dict
        The table of that name in pyproject.toml.
    """
    extras = project["optional-dependencies"]
    pinned = {
        match[1]
        for needed in extras.values()
        for match in map(BOUND.fullmatch, needed)
        if match and match[2] == "=="
    }
    lowest: dict[str, str] = {}
    for needed in (project["dependencies"], *(extras[name] for name in extras.keys() - set(FREE))):
        for one in needed:
            match = BOUND.fullmatch(one)
            if match is None:
                if not one.startswith("unmask["):
                    sys.exit(f"{one}: expected a lower bound, as in numpy>=2.0")
            elif match[1] not in pinned and lowest.setdefault(match[1], match[3]) != match[3]:
                sys.exit(f"{match[1]}: two lower bounds, {lowest[match[1]]} and {match[3]}")
    # The tests have OpenCV by Quantus, which asks for it by the name of the build with windows.
    lowest["opencv-python"] = lowest["opencv-python-headless"]
    return [f"{name}=={version}" for name, version in sorted(lowest.items())]


if __name__ == "__main__":
    sys.stdout.write("\n".join(constraints(tomllib.loads(PROJECT.read_text())["project"])) + "\n")

"""``unmask doctor``: what a bug report should say, and whether the installation works."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from rich.table import Table
from rich.text import Text
from threadpoolctl import threadpool_info

import unmask
from unmask.cli import console, results
from unmask.cli.result_options import gives_results
from unmask.cli.status import clear_errors
from unmask.errors import silent

__all__ = ["doctor", "installed", "self_test"]

SCENE = 1, 5  # which of the demo's scenes, by its number and seed, and its size: never square
SIZE = (120, 160)
MASKS = 256


@gives_results
def doctor() -> None:
    """Say what is installed, on what machine, and whether it works: for bug reports.

    Explains a small scene twice with the classifier that comes along, which takes about a second.
    Ends with status 1 unless the planted object is found and both maps are the same.
    """
    with clear_errors():
        found = {**_machine(), **installed(), "self_test": self_test()}
        results.current().add(**found)
        _show(found)
        if not found["self_test"]["passed"]:
            results.current().complete = True
            raise typer.Exit(1)


def installed(package: str = "unmask") -> dict[str, Any]:
    """Return what a package asks for, and what of that there is, by its own metadata.

    Nothing is imported.

    Parameters
    ----------
    package : str, default "unmask"

    Returns
    -------
    dict
        ``packages``: versions by name, of all that is there. ``extras``: for each extra, ``""``
        being the package itself, what is ``missing`` and what is ``too_old``, two lists.
    """
    try:
        said = metadata.metadata(package)
        asked = [Requirement(one) for one in metadata.requires(package) or ()]
    except metadata.PackageNotFoundError:  # run from its source
        return {"packages": {}, "extras": {}}
    packages: dict[str, str] = {}
    extras: dict[str, dict[str, list[str]]] = {}
    for extra in ("", *sorted(said.get_all("Provides-Extra") or ())):
        lacks = extras[extra] = {"missing": [], "too_old": []}
        for one in asked:
            if (one.marker is None) != (extra == "") or not _holds(one, extra):
                continue
            version = _version(one.name)
            if version is None:
                lacks["missing"].append(f"{one.name}{one.specifier}")
                continue
            packages[canonicalize_name(one.name)] = version
            if not one.specifier.contains(version, prereleases=True):
                lacks["too_old"].append(f"{one.name}{one.specifier} ({version} is there)")
    return {"packages": dict(sorted(packages.items())), "extras": extras}


def _holds(one: Requirement, extra: str) -> bool:
    return one.marker is None or one.marker.evaluate({"extra": extra})


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def self_test(model: Any = "demo") -> dict[str, Any]:
    """Explain a scene of the demo twice.

    Parameters
    ----------
    model : Model, path-like, "demo" or callable, default "demo"
        What `unmask.load` takes, for the demo's classes.

    Returns
    -------
    dict
        ``found``: whether the map is greatest on the object asked about; ``same``: whether both
        maps are, to the bit; ``passed``: both; ``error``: in words, or None; ``seconds``.
    """
    begin = time.perf_counter()
    tried: dict[str, Any] = {"passed": False, "found": False, "same": False, "error": None}
    try:
        scene = unmask.demo.scene(*SCENE, size=SIZE)
        kind = int(scene.kinds[0])
        with silent():
            loaded = unmask.load(model)
            first, second = (
                unmask.explain(loaded, scene.picture, kind, masks=MASKS).map for _ in range(2)
            )
        tried["found"] = bool(scene.evidence[kind].flat[first.argmax()])
        tried["same"] = bool(np.array_equal(first, second))
        tried["passed"] = tried["found"] and tried["same"]
    except Exception as error:  # whatever a broken installation raises is what is asked for
        tried["error"] = console.one_line(f"{type(error).__name__}: {error}")
    return {**tried, "seconds": round(time.perf_counter() - begin, 3)}


def _machine() -> dict[str, Any]:
    blas = [one for one in threadpool_info() if one["user_api"] == "blas"]
    affinity = getattr(os, "sched_getaffinity", None)  # not on macOS and Windows
    return {
        "place": str(Path(unmask.__file__).parent),
        "python": f"{platform.python_version()} {platform.python_implementation()}",
        "platform": platform.platform(),
        "blas": [
            f"{one['internal_api']} {one['version']}, threads: {one['num_threads']}" for one in blas
        ],
        "devices": {
            "cores": os.cpu_count(),
            "cores_allowed": len(affinity(0)) if affinity else os.cpu_count(),
            "gpus": _gpus(),
            "onnxruntime": _providers(),
        },
    }


def _gpus() -> list[str]:
    """Return NVIDIA's GPUs, as the driver's own tool names them: no framework is loaded."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    try:
        words = [tool, "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in done.stdout.splitlines() if line.strip()]


def _providers() -> list[str]:
    """Return where ONNX Runtime can compute; the self-test loads it in any case."""
    try:
        from onnxruntime import get_available_providers

        return list(get_available_providers())
    except (ImportError, AttributeError):  # the self-test says more
        return []


def _show(found: Mapping[str, Any]) -> None:
    packages, devices, tried = found["packages"], found["devices"], found["self_test"]
    extras = found["extras"]
    whole = [extra for extra, lacks in extras.items() if extra and not any(lacks.values())]
    parts = [_lacking(extra, lacks["missing"]) for extra, lacks in extras.items()]
    old = sorted({one for lacks in extras.values() for one in lacks["too_old"]})
    cores, allowed = devices["cores"], devices["cores_allowed"]
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in (
        ("unmask", f"{unmask.__version__}, {found['place']}"),
        ("Python", f"{found['python']}, {found['platform']}"),
        ("BLAS", "; ".join(found["blas"]) or "none found"),
        ("CPU", f"{cores} cores" + (f", {allowed} allowed" if allowed != cores else "")),
        ("GPU", "; ".join(devices["gpus"]) or "no NVIDIA GPU found"),
        ("ONNX Runtime", ", ".join(devices["onnxruntime"]) or "cannot be loaded"),
        ("Packages", ", ".join(f"{one} {version}" for one, version in packages.items())),
        ("Extras", ", ".join(whole) or "none is complete"),
        ("Not complete", ", ".join(filter(None, parts)) or "none"),
        ("Too old", ", ".join(old) or "nothing"),
        ("Self-test", _said(tried)),
    ):
        table.add_row(name, Text(text))
    console.out.print(table)


def _lacking(extra: str, missing: Sequence[str]) -> str:
    """Say what an extra lacks: one or two by name, of more how many."""
    if not missing:
        return ""
    names = " and ".join(missing) if len(missing) < 3 else str(len(missing))
    return f"{extra or 'unmask itself'} (lacks {names})"


def _said(tried: Mapping[str, Any]) -> str:
    if tried["error"]:
        return f"FAILED: {tried['error']}"
    found = "the planted object was found" if tried["found"] else "the planted object was NOT found"
    same = "twice the same map" if tried["same"] else "two DIFFERENT maps"
    return f"{'passed' if tried['passed'] else 'FAILED'}: {found}, {same}, {tried['seconds']:.1f} s"

"""Explainers behind one signature: ``(model, image, target) -> map``.

Evaluation and comparison take any function like that, so whatever makes a map can be put through
them: Captum, SHAP, LIME, XAITK, pytorch-grad-cam. The model is a `Model`; the image a uint8 picture
(H, W, 3), or an array in the model's space; the target a class index, or what `unmask.explain`
takes; and the map has the size of the picture or of the model's input. An `Explanation` of one
target is taken too. A function that draws at random takes a keyword ``seed``.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unmask._base.checks import did_you_mean
from unmask.errors import SettingError
from unmask.evaluation import metrics
from unmask.evaluation.occlusion import occlude
from unmask.run.explain import explain
from unmask.run.explanation import Explanation
from unmask.run.order import REFINE, check_refine
from unmask.run.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from unmask.models.model import Model
    from unmask.targets.target import Target

    Explainer = Callable[..., NDArray[Any] | Explanation]


__all__ = [
    "EXPLAINERS",
    "asked_of",
    "bound",
    "find",
    "in_words",
    "made_by",
    "occlusion",
    "order",
    "rise",
    "takes_seed",
    "unmask",
]


def unmask(
    model: Model, image: NDArray[Any], target: Any, *, seed: int = 0, **settings: Any
) -> Explanation:
    """Explain as `unmask.explain` does, with its defaults.

    Parameters
    ----------
    model : Model
    image : ndarray
        A uint8 picture (H, W, 3), or an array in the model's space.
    target : as for `unmask.explain`, but one
    seed : int, default 0
    **settings
        As for `unmask.explain`: masks, grid, keep, fill, design, estimator ...

    Returns
    -------
    Explanation
    """
    made = explain(model, image, target, seed=seed, preprocess=_space(image), **settings)
    if len(made.targets) != 1:
        raise SettingError(f"{len(made.targets)} targets: an explainer is asked for one")
    return made


def rise(
    model: Model, image: NDArray[Any], target: Any, *, seed: int = 0, **settings: Any
) -> Explanation:
    """Explain as the RISE paper does: independent masks, equation 6, hidden parts 0.

    Parameters and result as for `unmask`.
    """
    paper = {"design": "random", "estimator": "paper", **settings}
    return unmask(model, image, target, seed=seed, **paper)


def order(
    model: Model,
    image: NDArray[Any],
    target: Any,
    *,
    seed: int = 0,
    refine: int = REFINE,
    **settings: Any,
) -> NDArray[np.float64]:
    """Explain as `unmask` does, and order the pixels by `Explanation.order`, in calls of its own.

    Parameters as for `unmask`, and its `refine`; an array, as an order has no level and no unit.
    """
    check_refine(refine)  # before the first mask
    return unmask(model, image, target, seed=seed, **settings).order(model, refine=refine).values


def occlusion(
    model: Model, image: NDArray[Any], target: Any, **settings: Any
) -> NDArray[np.float32]:
    """Explain by a gray square that slides over the picture, see `occlude`."""
    case = metrics.case(model, image, target, preprocess=_space(image))
    return occlude(case, **settings)


EXPLAINERS: Mapping[str, Explainer] = {
    "unmask": unmask,
    "order": order,
    "rise": rise,
    "occlusion": occlusion,
}


def find(wanted: str | Explainer) -> Explainer:
    """Get an explainer.

    Parameters
    ----------
    wanted : str or callable
        A name of `EXPLAINERS`, with settings if wanted, as in ``"unmask,grid=16,masks=2000"``; a
        function anywhere, as in ``"package.module:function"``, likewise; or the function itself.

    Returns
    -------
    callable

    Raises
    ------
    SettingError
        An unknown name, a module or function that is not there, or settings it does not take.

    Examples
    --------
    >>> find("rise") is rise
    True
    >>> find("unmask,grid=16,fill=blur").keywords
    {'grid': 16, 'fill': 'blur'}
    """
    if not isinstance(wanted, str):
        if not callable(wanted):
            raise SettingError(
                f"an explainer is a {type(wanted).__name__}: expected a function "
                "(model, image, target) -> map, or a name"
            )
        return wanted
    name, *pairs = (part.strip() for part in wanted.split(","))
    found = _imported(name) if ":" in name else EXPLAINERS.get(name)
    if found is None:
        raise SettingError(
            f"explainer {name!r}: expected one of {', '.join(EXPLAINERS)}, or module:function."
            f"{did_you_mean(name, EXPLAINERS)}".rstrip(".")
        )
    settings = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.isidentifier():
            raise SettingError(f"explainer {wanted!r}: {pair!r} is no setting such as grid=16")
        settings[key] = _value(value)
    unknown = set(settings) - _settings(found)
    if unknown and not _takes_any(found):
        first = sorted(unknown)[0]
        raise SettingError(
            f"explainer {wanted!r}: {name} has no setting {first!r}."
            f"{did_you_mean(first, _settings(found))}".rstrip(".")
        )
    return functools.partial(found, **settings) if settings else found


def in_words(explainer: str | Explainer) -> str:
    """Return what an explainer is called over its map.

    Parameters
    ----------
    explainer : str or callable
        As for `find`, which knows it.

    Returns
    -------
    str

    Examples
    --------
    >>> in_words("unmask,masks=1000"), in_words("rise,masks=2000,grid=7")
    ('unmask (adaptive, 1,000 masks)', 'RISE as published (2,000 masks, grid 7)')
    >>> in_words("occlusion,masks=400"), in_words("tools:lime,n_samples=50")
    ('occlusion (400 places)', 'tools:lime (n samples 50)')
    """
    if not isinstance(explainer, str):
        return str(getattr(explainer, "__name__", explainer))
    name, *pairs = (part.strip() for part in explainer.split(","))
    settings = dict(pair.split("=", 1) for pair in pairs)
    said = []
    if name in ("unmask", "order"):
        said.append(settings.pop("estimator", SETTINGS["estimator"].default))
    if settings.get("masks", "").isdecimal():
        unit = "places" if name == "occlusion" else "masks"
        said.append(f"{int(settings.pop('masks')):,} {unit}")
    said += [f"{key.replace('_', ' ')} {value}" for key, value in settings.items()]
    called = {"rise": "RISE as published", "order": "unmask's order"}.get(name, name)
    return f"{called} ({', '.join(said)})" if said else called


def asked_of(target: Target, given: Any = None) -> Any:
    """Return what an explainer is asked for to explain a target.

    Parameters
    ----------
    target : Target
    given : optional
        What the target was asked for by, which is all there is where that was a function.

    Returns
    -------
    int, str or `given`
        The class's index or the box's number, or what else `unmask.explain` takes.

    Examples
    --------
    >>> from unmask.targets import Target
    >>> asked_of(Target("tusker", 101, 0.7, request="101"))
    101
    >>> asked_of(Target("dog", 16, 0.9, (1, 2, 5, 9), request="0"))
    0
    """
    if target.is_class:
        return target.index
    if target.request is None:
        return given
    return int(target.request) if target.request.isdecimal() else target.request


def made_by(
    explainer: Explainer, model: Model, image: NDArray[Any], target: Any, seed: int
) -> tuple[NDArray[Any], float | None]:
    """Let an explainer explain.

    Parameters
    ----------
    explainer : callable
        Returns a map, or an `Explanation` of one target.
    model : Model
    image : ndarray
        A uint8 picture (H, W, 3), or an array in the model's space.
    target : int, str or other
        What it is asked for, see `asked_of`.
    seed : int
        For one that takes a seed.

    Returns
    -------
    values : ndarray
        The map.
    level : float or None
        What it shows where there is no influence, where that is known.
    """
    made = explainer(model, image, target, **({"seed": seed} if takes_seed(explainer) else {}))
    if isinstance(made, Explanation):
        return made.model_maps[0], float(made.levels[0])
    return np.asarray(made), None


def bound(
    explainer: str | Explainer, case: metrics.Case, *, target: Any = None, seed: int = 0
) -> Callable[..., NDArray[Any]]:
    """Return an explainer of one model and target, for metrics that explain again.

    Parameters
    ----------
    explainer : str or callable
        As for `find`.
    case : Case
        Its model and its target are those that are explained.
    target : optional
        What the target was asked for by, where it was a function.
    seed : int, default 0
        Of every explanation, for one that takes a seed: maps of inputs that differ then differ by
        nothing else.

    Returns
    -------
    callable
        ``explain(image, target=None) -> map``: of a picture, or of an array in the model's space;
        None is the case's target.

    Examples
    --------
    >>> import unmask
    >>> case = metrics.case("demo", unmask.demo.pictures()["street"], "heart")
    >>> explain = bound("unmask,masks=256", case)
    >>> explain(case.given).shape, explain(case.sample.array, 0).shape
    ((96, 96), (96, 96))
    """
    function, asked = find(explainer), asked_of(case.target, target)

    def explain(image: Any, target: Any = None) -> NDArray[Any]:
        return made_by(function, case.model, image, asked if target is None else target, seed)[0]

    return explain


def takes_seed(explainer: Explainer) -> bool:
    """Whether an explainer takes a keyword ``seed``.

    Examples
    --------
    >>> takes_seed(unmask), takes_seed(occlusion)
    (True, False)
    """
    return "seed" in _parameters(explainer)


def _parameters(explainer: Explainer) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(explainer).parameters
    except (TypeError, ValueError):  # some functions written in C do not say
        return {}


def _settings(explainer: Explainer) -> set[str]:
    """Return the names of the settings that an explainer takes."""
    behind: dict[Any, Any] = {unmask: explain, order: explain, rise: explain, occlusion: occlude}
    own = {name for name, one in _parameters(explainer).items() if one.kind is one.KEYWORD_ONLY}
    return own | set(_parameters(behind.get(explainer, explainer)))


def _takes_any(explainer: Explainer) -> bool:
    kinds = {parameter.kind for parameter in _parameters(explainer).values()}
    return explainer not in EXPLAINERS.values() and inspect.Parameter.VAR_KEYWORD in kinds


def _space(image: NDArray[Any]) -> str | None:
    """Say that an array that is no uint8 picture is in the model's space already."""
    return None if image.dtype == np.uint8 else "raw"


def _imported(name: str) -> Explainer:
    module, _, function = name.partition(":")
    # The installed command, unlike `python -m`, does not look into the folder it is started in.
    # At the end, so that a file there takes no package's place.
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingError(f"explainer {name!r} cannot be imported: {error}") from error
    if not callable(found):
        raise SettingError(f"explainer {name!r} is no function")
    return found  # type: ignore[no-any-return]


def _value(text: str) -> Any:
    """Read 16 as a number and blur as a word."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text

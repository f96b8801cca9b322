"""The Python and the command line that make an explanation again."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from unmask import presets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from unmask.explanation import Explanation
    from unmask.presets import PresetName
    from unmask.targets import Target

__all__ = ["Recipe", "recipe"]

NUMBER = re.compile(r"0|[1-9][0-9]*")
COLOUR = re.compile(r"\(([^()]*)\)")  # a plan writes a colour given as numbers (255, 0, 0)

DEMO = "demo"
DEMO_NAME = "unmask demo"  # what the embedded model calls itself


@dataclass(frozen=True)
class Recipe:
    """What it takes to make an explanation again.

    Attributes
    ----------
    image : str
        Path of the picture, or the name of one of the demo's where `example` is true.
    targets : tuple of str
        As the command line takes them; none is the model's best.
    settings : mapping
        Keyword arguments of `unmask.explain`: preset, masks, grid, keep, seed, fill, design,
        estimator. Those that are the default, or the preset's, are left out.
    model : str, default "demo"
        As the command line takes it.
    options : mapping of str to str
        Options of the model, as `unmask.load` takes them.
    example : bool, default False
    unsaid : tuple of str
        What the command line cannot say, for people.

    Examples
    --------
    >>> again = Recipe("my fox.jpg", ("red fox",), {"masks": 500, "grid": (6, 9), "seed": 0})
    >>> again.command()
    "unmask explain 'my fox.jpg' -t 'red fox' --masks 500 --grid 6x9"
    >>> print(again.python())
    import unmask
    <BLANKLINE>
    explanation = unmask.explain(
        'demo',
        'my fox.jpg',
        ['red fox'],
        masks=500,
        grid=(6, 9),
    )
    explanation.save('my fox.npz')
    """

    image: str
    targets: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    model: str = DEMO
    options: Mapping[str, Any] = field(default_factory=dict)
    example: bool = False
    unsaid: tuple[str, ...] = ()

    def command(self) -> str:
        """Write one line for a POSIX shell."""
        words = ["unmask explain", self._shell_image()]
        if self.model != DEMO:
            words += ["--model", shlex.quote(self.model)]
        for name, value in self.options.items():
            words += [f"--{name}", shlex.quote(_words(value))]
        for target in self.targets:
            words += ["-t", shlex.quote(target)]
        for name, value in self._said().items():
            words += [f"--{name}", shlex.quote("x".join(map(str, _sizes(name, value))))]
        return " ".join(words)

    def python(self) -> str:
        """Write a few lines of Python."""
        lines = ["import unmask", ""]
        model = repr(self.model)
        if self.options:
            options = "".join(f", {name}={value!r}" for name, value in self.options.items())
            lines += [f"model = unmask.load({model}{options})"]
            model = "model"
        image = repr(self.image)
        if self.example:
            image = f"unmask.demo.pictures()[{self.image!r}]"
        arguments = [model, image]
        if self.targets:
            arguments.append(f"[{', '.join(map(_code, self.targets))}]")
        arguments += [f"{name}={value!r}" for name, value in self._said().items()]
        lines += ["explanation = unmask.explain(", *(f"    {one}," for one in arguments), ")"]
        stem = PurePath(self.image).stem or "explanation"
        return "\n".join([*lines, f"explanation.save({stem + '.npz'!r})"])

    def _shell_image(self) -> str:
        if self.example:
            # Within $( ) single quotes open anew, whatever is around.
            code = f'import unmask; print(unmask.demo.pictures()["{self.image}"])'
            return f"\"$(python -c '{code}')\""
        # A name that begins with a hyphen would be read as an option.
        name = f"./{self.image}" if self.image.startswith("-") else self.image
        return shlex.quote(name)

    def _said(self) -> dict[str, Any]:
        usual = {"seed": 0, **presets.settings(self.settings.get("preset"))}
        return {
            name: value
            for name, value in self.settings.items()
            if value is not None and usual.get(name) != value
        }


def recipe(
    explanation: Explanation, model: str | None = None, options: Mapping[str, Any] | None = None
) -> Recipe:
    """Say how an explanation can be made again.

    Parameters
    ----------
    explanation : Explanation
    model : str, optional
        Where the model is, which an explanation does not know: by default its name.
    options : mapping, optional
        With which options it was loaded.

    Returns
    -------
    Recipe

    Examples
    --------
    >>> import unmask
    >>> street = unmask.demo.pictures()["street"]
    >>> explanation = unmask.explain("demo", street, "heart", masks=256, seed=3)
    >>> recipe(explanation).command()
    'unmask explain street.png -t 4 --masks 256 --grid 8 --seed 3'
    """
    plan, unsaid = explanation.plan, []
    where = model or (DEMO if explanation.model == DEMO_NAME else explanation.model)
    if model is None and where != DEMO:
        unsaid.append("the model's file and options (labels, preprocess) as they were loaded")
    targets = [_named(target) for target in explanation.targets]
    if None in targets:
        unsaid.append("targets that are a function or a contrast, which only Python can say")
    colour = COLOUR.fullmatch(plan.fill)
    if plan.fill.startswith("array of"):
        unsaid.append("the fill, which is an array")
    if explanation.picture is None:
        unsaid.append("the input, which is an array")
    preset = _preset(explanation)
    if preset is None and not plan.masks.shift:
        unsaid.append("masks without shift, which only Python can say")
    if preset is None and any(target.top for target in explanation.targets):
        unsaid.append("that a score counts only among the best few, which only Python can say")
    grid, of_preset = plan.masks.grid, presets.settings(preset, grid=None)["grid"]
    cells: Any = grid[0] if len(set(grid)) == 1 else grid
    if callable(of_preset) and of_preset(plan.masks.shape) == grid:
        cells = None
    return Recipe(
        image=explanation.image,
        targets=tuple(target for target in targets if target is not None),
        settings={
            "preset": preset,
            "masks": plan.count,
            "grid": cells,
            "keep": plan.masks.keep,
            "seed": plan.masks.seed,
            "fill": colour[1].replace(" ", "") if colour else plan.fill,
            "design": plan.masks.design,
            "estimator": plan.estimator,
        },
        model=where,
        options=options or {},
        unsaid=tuple(unsaid),
    )


def _preset(explanation: Explanation) -> PresetName | None:
    """Return the preset that says what no other option of the command does."""
    for name, settings in presets.SETTINGS.items():
        if explanation.plan.masks.shift == settings["shift"] and all(
            target.top == settings["within"] for target in explanation.targets
        ):
            return name
    return None


def _named(target: Target) -> str | None:
    if target.box is not None:
        corners = ",".join(f"{edge:.10g}" for edge in target.box)
        return corners if target.index is None else f"{target.index}:{corners}"
    return None if target.index is None else str(target.index)


def _code(target: str) -> str:
    """Write a target of the command line's in Python."""
    number = r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?"
    corners = re.search(rf"(?:^|:)({number}(?:,{number}){{3}})$", target)
    if corners:
        values, label = corners[1].replace(",", ", "), target[: corners.start()]
        return f"unmask.box(({values}){f', label={_code(label)}' if label else ''})"
    return target if NUMBER.fullmatch(target) else repr(target)


def _words(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(str, value))
    return str(value)


def _sizes(name: str, value: Any) -> Sequence[Any]:
    return value if name == "grid" and isinstance(value, tuple) else (value,)

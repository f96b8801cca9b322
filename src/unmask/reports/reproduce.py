"""The Python and the command line that make an explanation again."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from unmask import demo
from unmask._base.files import slug
from unmask.inputs import RowOriginal, TextOriginal, TogetherOriginal
from unmask.inputs.fills import is_unnamed, read_fill
from unmask.inputs.rows import FROM
from unmask.inputs.texts import LEFT_OUT
from unmask.inputs.time_series import SeriesOriginal
from unmask.masks.segments import SegmentMasks
from unmask.reports.media_recipes import MEDIA, media_file, media_options, said_of
from unmask.run.settings import PRESETS, SETTINGS, preset_settings
from unmask.run.wording import MODEL
from unmask.run.wording import OPTIONS as SPELT
from unmask.targets import links
from unmask.targets.answers import shortened
from unmask.targets.box_specs import CORNERS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from unmask.run.explanation import Explanation
    from unmask.run.settings import PresetName
    from unmask.targets.target import Target


__all__ = ["REPEATED", "Reproduction", "reproduction"]


NUMBER = re.compile(r"0|[1-9][0-9]*")
TOP = re.compile(r"top:([0-9]+)")

DEMO = "demo"
ROW_FILES = "the row and its background, which were no files, as row.csv and background.csv"
DEMO_NAME = "unmask demo"  # what the embedded model calls itself

# Settings that make a map again, in the order of the table; "masks" are as many as there are.
# A target as the command line takes it: after -t, or after --contrast.
Words = str | tuple[str, str]
REPEATED = tuple(row for row in SETTINGS.values() if row.repeats)


@dataclass(frozen=True)
class Reproduction:
    """What it takes to make an explanation again.

    Attributes
    ----------
    image : str
        Path of the picture, or the name of one of the demo's where `example` is true.
    targets : tuple of str or (str, str)
        As the command line takes them, two of a contrast of texts; none is the model's best.
    settings : mapping
        Keyword arguments of `unmask.explain`: preset, masks, grid, keep, seed, fill, design,
        estimator, batch_size, shard, shift. Those that are the default, or the preset's, are left
        out.
    model : str, default "demo"
        As the command line takes it.
    options : mapping of str to JSON value
        Options of the model, as `unmask.load` takes them.
    example : bool, default False
    path : str
        Where an example lies on this machine; without it, the command asks Python for it.
    unsaid : tuple of str
        What the command line cannot say, for people.
    missing : tuple of str
        Those of `unsaid` that the Python does not say either.
    code : tuple of str, optional
        The targets in Python, where they are others than `targets`.
    text, units : str
        The text and what its units are, where it is no picture; `image` is then what files are
        called by.
    axes : mapping of str to str
        Of a series: its layout and channels, where its file does not tell.
    media : mapping or None
        Of a sound: what is said of it, by argument; `kind` says of what.
    kind : str
    row : mapping or None
        Of a table's row: background, number, names and groups, as `unmask.row` takes them; `image`
        is then the table.
    texts : tuple of str
        What a model of texts compares the picture with; the Python gives them as its labels.

    Examples
    --------
    >>> again = Reproduction("my fox.jpg", ("red fox",), {"masks": 500, "grid": (6, 9), "seed": 0})
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
    targets: tuple[Words, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    model: str = DEMO
    options: Mapping[str, Any] = field(default_factory=dict)
    example: bool = False
    path: str = ""
    unsaid: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    code: tuple[str, ...] | None = None
    texts: tuple[str, ...] = ()
    text: str = ""
    units: str = "words"
    axes: Mapping[str, str] = field(default_factory=dict)
    row: Mapping[str, Any] | None = None
    media: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""

    def command(self) -> str:
        """Write one line for a POSIX shell."""
        words = ["unmask explain", self._shell_image()]
        words += [f"--series-{name} {value}" for name, value in self.axes.items()]
        words += media_options(self.kind, self.media)
        if self.model != DEMO:
            words += ["--model", shlex.quote(self.model)]
        options = {name: value for name, value in self.options.items() if name in MODEL}
        words += [word for name, value in options.items() for word in _option(name, value)]
        for target in self.targets:
            option, *texts = _parts(target)
            words += [option, *map(shlex.quote, texts)]
        said = {name: value for name, value in self._said().items() if SETTINGS[name].option}
        words += [word for name, value in said.items() for word in _option(name, value)]
        return " ".join(words)

    def python(self) -> str:
        """Write a few lines of Python."""
        lines = ["import unmask", ""]
        model = repr(self.model)
        options = {**self.options, **({"labels": list(self.texts)} if self.texts else {})}
        if options:
            given = "".join(f", {name}={value!r}" for name, value in options.items())
            lines += [f"model = unmask.load({model}{given})"]
            model = "model"
        image = repr(self.image)
        if self.text:
            units = "" if self.units == "words" else f", units={self.units!r}"
            image = f"unmask.text({self.text!r}{units})"
        elif self.axes:
            given = "".join(f", {name}={value!r}" for name, value in self.axes.items())
            image = f"unmask.series({image}{given})"
        elif self.kind:
            given = "".join(f", {name}={value!r}" for name, value in self.media.items())
            image = f"unmask.{self.kind}({image}{given})"
        elif self.row is not None:
            said = "".join(f", {name}={value!r}" for name, value in self.row.items())
            image = f"unmask.row({self.image!r}{said})"
        elif self.example:
            image = f"unmask.demo.pictures()[{self.image!r}]"
        arguments = [model, image]
        code = tuple(map(_code, self.targets)) if self.code is None else self.code
        if code:
            arguments.append(f"[{', '.join(code)}]")
        arguments += [f"{name}={value!r}" for name, value in self._said().items()]
        lines += [
            "explanation = unmask.explain(",
            *(f"    {argument}," for argument in arguments),
            ")",
        ]
        stem = (slug(self.text) if self.text else PurePath(self.image).stem) or "explanation"
        return "\n".join([*lines, f"explanation.save({stem + '.npz'!r})"])

    def _shell_image(self) -> str:
        if self.text:
            units = "" if self.units == "words" else f" --units {self.units}"
            return f"--text {shlex.quote(self.text)}{units}"
        if self.example and not self.path:
            # Within $( ) single quotes open anew, whatever is around.
            code = f'import unmask; print(unmask.demo.pictures()["{self.image}"])'
            return f"\"$(python -c '{code}')\""
        # A name that begins with a hyphen would be read as an option.
        name = self.path or self.image
        name = f"./{name}" if name.startswith("-") else name
        return " ".join([shlex.quote(name), *_row_options(self.row or {})])

    def _said(self) -> dict[str, Any]:
        # What depends on the task is always said.
        usual = {row.name: None if row.by_task else row.default for row in REPEATED}
        usual |= {"shard": (1, 1), **preset_settings(self.settings.get("preset"))}
        return {
            name: value
            for name, value in self.settings.items()
            if value is not None and usual.get(name) != value
        }


def reproduction(
    explanation: Explanation, model: str | None = None, options: Mapping[str, Any] | None = None
) -> Reproduction:
    """Say how an explanation can be made again.

    Parameters
    ----------
    explanation : Explanation
    model : str, optional
        Where the model is, if not where the explanation says that it came from.
    options : mapping, optional
        With which options it was loaded, likewise.

    Returns
    -------
    Reproduction

    Examples
    --------
    >>> import unmask
    >>> model = unmask.load("demo", resize="crop")
    >>> street = unmask.demo.pictures()["street"]
    >>> explanation = unmask.explain(model, street, "heart", masks=256, seed=3)
    >>> print(reproduction(explanation).python())
    import unmask
    <BLANKLINE>
    model = unmask.load('demo', resize='crop')
    explanation = unmask.explain(
        model,
        unmask.demo.pictures()['street'],
        [4],
        masks=256,
        grid=8,
        seed=3,
    )
    explanation.save('street.npz')
    """
    preset = _preset(explanation)
    image, example, of_image = _image(explanation)
    where, given, of_model = _model(explanation, model, options)
    texts = explanation.texts or ()
    home = explanation.original
    said = home if isinstance(home, TextOriginal) else None
    asked = shortened(explanation.targets)
    words = [_words(target, texts, preset) for target in asked]
    code = [_python(target, texts, preset) for target in asked]
    missing = [*of_model, *of_image, *_missing(explanation)]
    if None in code:
        missing.append("targets that are a function")
    return Reproduction(
        image=image,
        targets=tuple("TARGET" if word is None else word for word in words),
        settings=_settings(explanation, preset),
        model=where,
        options=given,
        example=example,
        path=explanation.path if example else "",
        unsaid=(*missing, *_python_only(explanation, preset, given, words)),
        missing=tuple(missing),
        code=tuple("..." if word is None else word for word in code),
        texts=texts,
        text="" if said is None else said.string,
        units="words" if said is None else said.units,
        axes=_axes(home) if isinstance(home, SeriesOriginal) else {},
        row=_row(home) if isinstance(home, RowOriginal) else None,
        **said_of(home),
    )


def _axes(home: SeriesOriginal) -> dict[str, str]:
    given = home.given
    said = {"layout": given.layout or ""} if given.values.ndim == 2 else {}
    return {**said, **({"channels": "apart"} if given.channels == "apart" else {})}


def _model(
    explanation: Explanation, model: str | None, options: Mapping[str, Any] | None
) -> tuple[str, Mapping[str, Any], list[str]]:
    """Return the model's source and options, and what is not known of them."""
    origin = explanation.origin
    if model is not None:
        return model, options or {}, []
    if origin is not None:
        return (
            origin.source,
            origin.options,
            [f"{name}= of the model, which is no number or text" for name in origin.unsaid],
        )
    if explanation.model == DEMO_NAME:
        return DEMO, {}, []
    unknown = "the model's file and options (labels, preprocess) as they were loaded"
    return explanation.model, {}, [unknown]


def _image(explanation: Explanation) -> tuple[str, bool, list[str]]:
    """Return the input's path, whether it is one of the demo's, and what is not known of it."""
    if isinstance(explanation.original, TextOriginal):
        return explanation.image, False, []
    if isinstance(explanation.original, TogetherOriginal):
        unsaid = ["the picture and its text, which go in by unmask.together(picture, text)"]
        return explanation.image, False, unsaid
    if isinstance(explanation.original, RowOriginal):
        files = explanation.original.row.files
        unsaid = [] if files and files.background else [ROW_FILES]
        return "row.csv" if files is None else files.row, False, unsaid
    if isinstance(explanation.original, SeriesOriginal):
        if explanation.path:
            return explanation.path, False, []
        return "series.npy", False, ["the series, which was given as an array, as series.npy"]
    if explanation.original is not None and explanation.original.kind in MEDIA:
        return media_file(explanation)
    if explanation.picture is None:
        return explanation.image, False, ["the input, which is an array"]
    if explanation.path:
        for name, place in demo.pictures().items():
            if Path(explanation.path) == place:
                return name, True, []
        return explanation.path, False, []
    if explanation.image == "picture" or explanation.image.startswith("array of shape"):
        return "picture.png", False, ["the picture, which was given as an array, as picture.png"]
    return explanation.image, False, []


def _row(home: RowOriginal) -> dict[str, Any]:
    """Return the arguments of `unmask.row` beside the values."""
    own = home.row
    files = own.files
    found: dict[str, Any] = {"background": (files and files.background) or "background.csv"}
    if files is not None and files.picked:
        found["names"] = [*own.names]
    if own.groups:
        found["groups"] = {
            unit.name: [own.called(place) if own.names else place for place in unit.places]
            for unit in own.groups
        }
    return found | {"number": 0 if files is None else files.number}


def _row_options(said: Mapping[str, Any]) -> list[str]:
    """Return them as options of the command line."""
    words: list[str] = []
    for name, value in said.items():
        listed = {"names": [",".join(map(str, value))]} if name == "names" else {}
        if name == "groups":
            listed = {name: [f"{one}={','.join(map(str, of))}" for one, of in value.items()]}
        for text in listed.get(name, [str(value)]):
            words += [SPELT[name], shlex.quote(text)]
    return words


def _settings(explanation: Explanation, preset: PresetName | None) -> dict[str, Any]:
    plan = explanation.plan
    grid, of_preset = plan.masks.grid, preset_settings(preset).get("grid")
    # A grid of two numbers hides the channels of a series apart.
    mixed = 0 < len(plan.masks.units) < len(grid)
    cells: Any = grid[0] if len(set(grid)) == 1 and not mixed else grid
    if callable(of_preset) and of_preset(plan.masks.shape) == grid:
        cells = None
    unsaid = is_unnamed(plan.fill) or (plan.masks.units and plan.fill in (LEFT_OUT, FROM))
    planned = vars(plan.masks) | vars(plan)
    found = {"preset": preset} | {row.name: planned.get(row.name) for row in REPEATED}
    if isinstance(plan.masks, SegmentMasks):
        found |= {"shift": None, **_segments(plan.masks)}
        cells = None
    # Units say themselves how many there are, and what hides them.
    if plan.masks.units and not mixed:
        found |= {"shift": None}
        cells = None
    return found | {
        "preset": preset,
        # As many as there are, whatever was planned; a shard's are part of a plan.
        "masks": explanation.masks if plan.shard == (1, 1) else plan.count,
        "grid": cells,
        "fill": None if unsaid else read_fill(plan.fill),
        "link": None if links.is_unnamed(plan.link) else plan.link,
    }


def _segments(masks: SegmentMasks) -> dict[str, str]:
    if not masks.nameable:
        return {}
    usual = "soft" if masks.segments.startswith("slic") else "hard"
    edges = {} if masks.edges == usual else {"edges": masks.edges}
    return {"segments": masks.segments, **edges}


def _missing(explanation: Explanation) -> list[str]:
    """Return what neither the command nor the Python says of the masks."""
    plan, found = explanation.plan, []
    if isinstance(plan.masks, SegmentMasks) and not plan.masks.nameable:
        found.append(f"the segments, which were given as {plan.masks.segments}")
    if is_unnamed(plan.fill):
        found.append(f"the fill ({plan.fill})")
    if links.is_unnamed(plan.link):
        found.append(f"the link ({plan.link})")
    parts = getattr(explanation.estimate, "parts", ())
    if plan.shard != (1, 1):
        if explanation.masks < plan.share:
            found.append(f"that the shard ended after {explanation.masks:,} of its masks")
    elif [number for number, _ in parts] != list(range(len(parts))):
        found.append("which of the masks: some parts of a whole were merged")
    return found


def _python_only(
    explanation: Explanation,
    preset: PresetName | None,
    options: Mapping[str, Any],
    words: Sequence[Words | None],
) -> list[str]:
    """Return what the command cannot say and the Python does."""
    found = [
        f"{name}={value!r} of the model, which only Python can say"
        for name, value in options.items()
        if name not in MODEL or (name == "labels" and not isinstance(value, str))
    ]
    if explanation.texts and None in words:
        found.append("a contrast of texts that are numbers, which only Python can say")
    said = [text for one in words for text in (one if isinstance(one, tuple) else [one])]
    others = [text for text in explanation.texts or () if text not in said]
    if others and "labels" not in options:
        listed = ", ".join(map(repr, others))
        found.append(f"the texts {listed}, beside which it was scored: as --labels, one a line")
    masks = explanation.plan.masks
    segments = isinstance(masks, SegmentMasks)
    if preset is None and not masks.shift and not masks.units and not segments:
        found.append("masks without shift, which only Python can say")
    if explanation.texts and preset is None and any(target.top for target in explanation.targets):
        found.append("that a score counts only among the best few, which only Python can say")
    return found


def _preset(explanation: Explanation) -> PresetName | None:
    """Return the preset that says what no other option of the command does."""
    if isinstance(explanation.plan.masks, SegmentMasks):
        return None
    for name in PRESETS:
        chosen = preset_settings(name)
        if explanation.plan.masks.shift == chosen["shift"] and all(
            target.top == chosen["within"] for target in explanation.targets
        ):
            return name
    return None


def _words(target: Target, texts: Sequence[str], preset: PresetName | None) -> Words | None:
    """Return a target as the command line takes it, if it does."""
    if texts and target.pair is not None:
        one, two = (texts[index] for index in target.pair)
        numbers = any(_is_number(text) or TOP.fullmatch(text.strip()) for text in (one, two))
        return None if numbers else (one, two)
    if texts and target.index is not None:
        text = texts[target.index]
        return str(target.index) if _is_number(text) or TOP.fullmatch(text.strip()) else text
    if texts or (target.top is not None and preset is not None):
        return None if target.index is None else str(target.index)
    return target.request


def _parts(words: Words) -> tuple[str, ...]:
    """Return the option after which a target stands, and the target."""
    return ("--contrast", *words) if isinstance(words, tuple) else ("-t", words)


def _python(target: Target, texts: Sequence[str], preset: PresetName | None) -> str | None:
    """Return a target as Python takes it, if any code can say it."""

    def one(index: int) -> str:
        return repr(texts[index]) if texts else str(index)

    if target.pair is not None:
        return f"unmask.contrast({one(target.pair[0])}, {one(target.pair[1])})"
    if target.index is None or not target.is_class:
        return None if target.request is None else _code(target.request)
    if target.top is not None and preset is None:
        return f"unmask.within_top({one(target.index)}, {target.top})"
    return one(target.index)


def _is_number(text: str) -> bool:
    return NUMBER.fullmatch(text.strip()) is not None


def _code(target: Words) -> str:
    """Write a target of the command line's in Python."""
    if isinstance(target, tuple):
        return "unmask.contrast({!r}, {!r})".format(*target)
    if corners := CORNERS.fullmatch(target):
        values, label = corners["box"].replace(",", ", "), corners["label"]
        return f"unmask.box(({values}){f', label={_code(label)}' if label else ''})"
    return target if NUMBER.fullmatch(target) else repr(target)


def _listed(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _option(name: str, value: Any) -> list[str]:
    """Return an option of the command line; none for what no text says."""
    if name == "labels" and not isinstance(value, str):
        return []
    if isinstance(value, dict):
        pairs = [f"{one}={_listed(of)}" for one, of in value.items()]
        return [word for pair in pairs for word in (SPELT[name], shlex.quote(pair))]
    if isinstance(value, bool):
        return [SPELT[name] if value else SPELT[name].replace("--", "--no-", 1)]
    if name in SETTINGS:
        text = SETTINGS[name].on_command_line(value)
    elif isinstance(value, list | tuple):
        text = ("x" if name == "size" else ",").join(map(str, value))
    else:
        text = str(value)
    return [SPELT[name], shlex.quote(text)]

"""The settings of an explanation: one table, and what follows from it.

A row holds all that is known of a setting. From the table come its default and its check in
`unmask.explain`, its option and help on the command line (cli/setting_options.py), its field on the
page (app/form.py), presets, the names in messages (run/wording.py), and what a report says of how a
map is made again (reports/reproduce.py). tests/whole/test_defaults.py holds that signatures,
docstrings, help and what happens agree with it, row by row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from unmask._base.checks import is_number, is_whole, known, whole
from unmask.errors import SettingError
from unmask.estimate.estimators import OLDER, Estimator
from unmask.inputs.fills import FILLS
from unmask.inputs.segments import EDGES
from unmask.masks.designs import DESIGNS
from unmask.targets.links import LINKS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


__all__ = [
    "PRESETS",
    "SETTINGS",
    "OnPage",
    "PresetName",
    "Setting",
    "batch_size",
    "choose",
    "extent",
    "only_for",
    "preset_settings",
]


# Tasks by name, and what people call their models.
MODELS: Mapping[str, str] = {
    "classes": "classifier",
    "boxes": "detector",
    "texts": "model of texts",
    "regions": "model of segmentation",
    "outputs": "model of numbers or points",
    "similarity": "model of embeddings",
    "answers": "model that writes text",
}

PresetName = Literal["notebook"]
PRESETS: tuple[PresetName, ...] = get_args(PresetName)

Kind = Literal["whole", "number", "choice", "grid", "segments", "fill", "shard", "path", "switch"]

# Other sizes gain nothing on a CPU (benchmarks/overhead.py). Large inputs get smaller batches.
BATCH_SIZE = 32
BATCH_BYTES = 256 * 2**20


@dataclass(frozen=True)
class OnPage:
    """How the page asks for a setting.

    Attributes
    ----------
    label, help : str
        For people; the help is one line.
    low, high, step : float or None
        Of a number. The bounds keep what one page can ask of the server small.
    """

    label: str
    help: str
    low: float | None = None
    high: float | None = None
    step: float | None = None


@dataclass(frozen=True)
class Setting:
    """A row of the table.

    Attributes
    ----------
    name : str
        As `unmask.explain` calls it.
    kind : str
        What values are: "whole" and "number" within `low` and `high`, a "choice" of `choices`, a
        "grid" (one whole number, or one an axis), "segments", a "fill", a "shard" (i, n), a "path",
        a "switch".
    help : str
        For the command line, in whole sentences.
    default
        What happens without it; None is nothing.
    by_task : mapping of str to value
        The default of tasks that have another.
    by_input : bool
        Whether what is no picture may have a default of its own.
    says : str
        The default in words, where it depends on more than the task; "{}" stands for it.
    presets : mapping of str to value
        Its values in presets. A grid may be a function of the input's spatial size.
    tasks : tuple of str
        To which it applies; all, if none is named.
    low, high : float
        Of a whole number both are included, of any other excluded.
    choices : tuple of str
    older : mapping of str to str
        What choices were called before, which is still taken.
    expects : str
        What an error says is expected, where that is more than the kind.
    argument, option : bool
        Whether `unmask.explain` takes it, and the command line.
    short : str
        The option's letter.
    metavar : str
        What stands for a value in help, where its type says too little.
    with_output : bool
        Whether help lists it with the files rather than with the masks.
    repeats : bool
        Whether the code that makes a map again says it.
    page : OnPage or None
        How the page asks for it, if it does.

    Examples
    --------
    >>> SETTINGS["grid"].usual("classes"), SETTINGS["grid"].usual("boxes")
    (8, 16)
    >>> SETTINGS["grid"].default_in_words, SETTINGS["until"].default_in_words
    ('8, 16 for a detector', '0.98 without masks=')
    """

    name: str
    kind: Kind
    help: str
    default: Any = None
    by_task: Mapping[str, Any] = field(default_factory=dict)
    by_input: bool = False
    says: str = "{}"
    presets: Mapping[PresetName, Any] = field(default_factory=dict)
    tasks: tuple[str, ...] = ()
    low: float = 1
    high: float = math.inf
    choices: tuple[str, ...] = ()
    older: Mapping[str, str] = field(default_factory=dict)
    expects: str = ""
    argument: bool = True
    option: bool = True
    short: str = ""
    metavar: str | None = None
    with_output: bool = False
    repeats: bool = True
    page: OnPage | None = None

    def usual(self, task: str) -> Any:
        """Return the default of a task."""
        return self.by_task.get(task, self.default)

    @property
    def default_in_words(self) -> str:
        """The default as help says it, "" where there is none."""
        if self.default is None:
            return ""
        others = [
            f"{_text(value)} for a {MODELS.get(task, task)}" for task, value in self.by_task.items()
        ]
        return ", ".join([self.says.format(_text(self.default)), *others])

    def checked(self, value: Any) -> Any:
        """Return a value of the kind and within the bounds, or raise SettingError.

        The masks check what they are made of (grid, keep, seed, design, shift), and fills
        themselves.

        Examples
        --------
        >>> SETTINGS["max_masks"].checked(500)
        500
        """
        if self.kind == "whole":
            high = None if self.high == math.inf else int(self.high)
            return whole(self.name, value, int(self.low), high)
        if self.kind == "choice" and not self.expects:
            value = self.older.get(value, value) if isinstance(value, str) else value
            return known(self.name, value, self.choices)
        if self.choices:
            good = isinstance(value, str) and value in self.choices
        else:
            good = is_number(value) and self.low < value < self.high
        if not good:
            raise SettingError(f"{self.name}={value!r}: expected {self.expects}")
        return value

    def on_command_line(self, value: Any) -> str:
        """Write a value as the command line takes it.

        Examples
        --------
        >>> SETTINGS["grid"].on_command_line((6, 9)), SETTINGS["shard"].on_command_line((1, 4))
        ('6x9', '1/4')
        """
        if not isinstance(value, list | tuple):
            return str(value)
        return {"grid": "x", "shard": "/"}.get(self.kind, ",").join(map(str, value))


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


CELL = 8  # pixels of the notebook's cells


def cells_of_eight(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the notebook's grid: ``size // 8``, at least one.

    Examples
    --------
    >>> cells_of_eight((224, 160))
    (28, 20)
    """
    return tuple(max(1, size // CELL) for size in shape)


UNTIL = Setting(
    "until",
    "number",
    "Stop at this reliability: the correlation to expect with the map of infinitely many masks, "
    "between 0 and 1.",
    default=0.98,
    says="{} without masks=",
    low=0,
    high=1,
    expects="a reliability between 0 and 1, such as 0.95",
    repeats=False,
    page=OnPage("Stop at reliability", "Empty: only after all masks.", 0.01, 0.999, 0.001),
)
# RISE's habit, and D-RISE's (arXiv:2006.03204, section 4); so are the grids.
MAX_MASKS = Setting(
    "max_masks",
    "whole",
    "Stop after so many masks at the latest.",
    default=4000,
    by_task={"boxes": 5000},
    repeats=False,
    page=OnPage("Masks, at most", "Four times as many halve the error.", 1, 100_000, 1),
)
ROWS = (
    Setting(
        "masks",
        "whole",
        "How many masks, and model calls. Four times as many halve the error. Without it, as many "
        f"as a reliability of {UNTIL.default:g} takes, at most {MAX_MASKS.default_in_words}.",
        presets={"notebook": 7000},
        short="-n",
    ),
    UNTIL,
    MAX_MASKS,
    Setting(
        "max_seconds",
        "number",
        "Stop after so many seconds.",
        low=0,
        expects="a number of seconds above 0",
        repeats=False,
    ),
    Setting(
        "shard",
        "shard",
        "I/N: only the I-th of N parts of the masks, to be joined by `unmask merge`.",
        metavar="I/N",
    ),
    Setting(
        "checkpoint",
        "path",
        "File of the scores so far, saved every two seconds. If it exists, go on from it.",
        with_output=True,
        repeats=False,
    ),
    Setting(
        "grid",
        "grid",
        "Cells per side, or ROWSxCOLUMNS. Finer shows finer things, needs more masks.",
        default=8,
        by_task={"boxes": 16},
        presets={"notebook": cells_of_eight},
        page=OnPage("Grid", "Cells a side. Finer needs more masks.", 2, 32, 1),
    ),
    Setting(
        "segments",
        "segments",
        "Segments of the picture in the place of a grid: slic:64 (about 64, by SLIC, several "
        "segmentations that take turns), slic:64:fixed (one), or the file of a label map.",
        metavar="SEGMENTS",
    ),
    Setting(
        "edges",
        "choice",
        "Edges of segments: soft for slic, else hard.",
        choices=EDGES,
    ),
    Setting(
        "preset",
        "choice",
        "Settings of a published procedure; other options override it. notebook: cells of 8 "
        "pixels, 7,000 masks without shift, counted where the class is in the top 3.",
        tasks=("classes", "texts"),
        choices=PRESETS,
        expects=f"{' or '.join(PRESETS)}, or none",
    ),
    Setting(
        "keep",
        "number",
        "Probability that a cell stays visible, between 0 and 1.",
        default=0.5,
        presets={"notebook": 0.5},
        low=0,
        high=1,
        page=OnPage("Keep, p", "Chance that a cell stays visible.", 0.05, 0.95, 0.05),
    ),
    Setting(
        "seed",
        "whole",
        "The same seed gives the same masks.",
        default=0,
        low=0,
        high=2**64 - 1,
        page=OnPage("Seed", "Same seed, same masks.", 0, 2**53 - 1, 1),
    ),
    Setting(
        "fill",
        "fill",
        "What hidden parts look like: mean, zero, black, white, blur, noise, inpaint (by OpenCV), "
        "or a color such as '#808080', teal or 255,0,0; mean+blur takes turns. Of a series: line "
        "too, straight between what is visible, or another series' file. Of a text: drop (left "
        "out), mask (the model's mask token), or a word. Of a row: background (rows that take "
        "turns) or mean.",
        default="mean",
        by_input=True,
        presets={"notebook": "zero"},
        choices=FILLS,
        page=OnPage("Fill", "What hidden parts look like."),
    ),
    Setting(
        "design",
        "choice",
        "How masks are drawn: balanced needs fewer, random is the paper's. Of units, such as "
        "words, exhaustive takes all there are, as is usual where they are few; shapley comes with "
        "its estimator.",
        default="balanced",
        presets={"notebook": "random"},
        choices=DESIGNS,
    ),
    Setting(
        "estimator",
        "choice",
        "How scores become a map: adaptive has the least error, centered is unbiased, paper and "
        "notebook are as published. Of units, such as words, shapley and banzhaf give values.",
        default="adaptive",
        presets={"notebook": "notebook"},
        choices=get_args(Estimator),
        older=OLDER,
    ),
    Setting(
        "link",
        "choice",
        "What of a score is explained: identity, the score itself; logit, its log-odds; log, its "
        "logarithm.",
        default="identity",
        choices=LINKS,
    ),
    Setting(
        "batch_size",
        "whole",
        "Inputs per model call.",
        default=BATCH_SIZE,
        says="{} or less",
    ),
    Setting(
        "shift",
        "switch",
        "Whether masks are shifted at random within a cell.",
        default=True,
        presets={"notebook": False},
        option=False,
    ),
    Setting(
        "within",
        "whole",
        "A score counts where the class is among so many best.",
        presets={"notebook": 3},
        argument=False,
        option=False,
        repeats=False,
    ),
)
SETTINGS: Mapping[str, Setting] = {row.name: row for row in ROWS}


def preset_settings(preset: str | None) -> dict[str, Any]:
    """Return what a preset says: a published procedure's settings under one name.

    Raises
    ------
    SettingError
        No such preset.

    Examples
    --------
    >>> preset_settings("notebook")["masks"], preset_settings(None)
    (7000, {})
    """
    if preset is None:
        return {}
    name = SETTINGS["preset"].checked(preset)
    return {row.name: row.presets[name] for row in ROWS if name in row.presets}


def only_for(name: str, value: Any, task: str, model: str) -> None:
    """Refuse a setting that does not apply to a model.

    Raises
    ------
    SettingError
        It is given, and is for other models.
    """
    row = SETTINGS[name]
    if value is not None and row.tasks and task not in row.tasks:
        kind = MODELS.get(task, f"model of {task}")
        raise SettingError(
            f"{name}={value!r} is for {MODELS[row.tasks[0]]}s, and {model} is a {kind}"
        )


def choose(
    task: str,
    preset: str | None = None,
    sample: Mapping[str, Any] | None = None,
    /,
    **given: Any,
) -> dict[str, Any]:
    """Return every setting: the one given, else the preset's, the input's or the task's default.

    Parameters
    ----------
    task : str
        "classes", "boxes", "texts".
    preset : {"notebook"} or None
    sample : mapping or None
        What suits the input, see `unmask.inputs.Sample.defaults`.
    **given
        None is not given.

    Returns
    -------
    dict
        Of every row. A grid may be a function of the input's spatial size.

    Raises
    ------
    SettingError
        No such preset.

    Examples
    --------
    >>> chosen = choose("classes", "notebook", masks=100, design=None)
    >>> chosen["masks"], chosen["design"], chosen["fill"]
    (100, 'random', 'zero')
    """
    usual = {row.name: row.usual(task) for row in ROWS}
    said = {name: value for name, value in given.items() if value is not None}
    return {**usual, **(sample or {}), **preset_settings(preset), **said}


def extent(
    masks: Any, until: Any, most: Any, seconds: Any, shard: Any, task: str
) -> dict[str, Any]:
    """Return the part of a plan that says how far to go, checked."""
    if masks in (None, "auto"):
        count = MAX_MASKS.usual(task) if most is None else MAX_MASKS.checked(most)
        until = UNTIL.usual(task) if until is None and shard is None else until
    else:
        count = SETTINGS["masks"].checked(masks)
        if most is not None:
            raise SettingError("masks= and max_masks=: give one of them")
    if until is not None:
        UNTIL.checked(until)
    if is_number(seconds) and seconds == math.inf:
        seconds = None
    if seconds is not None:
        SETTINGS["max_seconds"].checked(seconds)
    if shard is None:
        return {"count": count, "until": until, "seconds": seconds}
    if until is not None or seconds is not None:
        raise SettingError("a shard cannot know how reliable the whole is: give masks=, not until=")
    number, of = shard if isinstance(shard, tuple | list) and len(shard) == 2 else (0, 0)
    if not (is_whole(number) and is_whole(of) and 1 <= number <= of):
        raise SettingError(f"shard={shard!r}: expected the i-th of n parts, i from 1 to n")
    return {"count": count, "shard": (int(number), int(of))}


def batch_size(wanted: int | None, own: int | None, nbytes: int) -> int:
    """Return how many inputs a model gets per call.

    Parameters
    ----------
    wanted : int or None
    own : int or None
        The size that a model takes alone.
    nbytes : int
        Of one input.

    Raises
    ------
    SettingError
        Not a whole number of at least 1.

    Examples
    --------
    >>> batch_size(None, None, 224 * 224 * 3 * 4), batch_size(None, None, 2**27)
    (32, 2)
    """
    if wanted is not None:
        return int(SETTINGS["batch_size"].checked(wanted))
    if own is not None:
        return own
    return max(1, min(BATCH_SIZE, BATCH_BYTES // nbytes))

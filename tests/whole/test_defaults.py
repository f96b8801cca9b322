"""What help, docstrings and docs say of defaults is what happens."""

import ast
import importlib
import inspect
import pkgutil
import re

import numpy as np
import pytest

import unmask
from helpers.places import ROOT, SHARED
from unmask.errors import SettingError
from unmask.evaluation.explainers import EXPLAINERS
from unmask.models.detections import Detections
from unmask.run import settings, snapshots
from unmask.run.wording import in_options, on_page

LATER = (("masks", "auto"), ("layout", "NHWC"), ("target", None))
SCENE = np.random.default_rng(0).integers(0, 255, (48, 60, 3), np.uint8)


@pytest.fixture(scope="module")
def happens():
    """What a user gets who gives nothing: of a classifier, and of a detector."""

    def lamp(images):
        return [Detections([[8, 4, 30, 20]], [[0.9]]) for _ in images]

    runs = [
        unmask.prepare("demo", SCENE),
        unmask.prepare(unmask.load(lamp, detector="function", labels=["lamp"]), SCENE),
    ]
    plans = [run.plan for run in runs]
    return {
        "grid": [plan.masks.grid[0] for plan in plans],
        "keep": [plan.masks.keep for plan in plans],
        "seed": [plan.masks.seed for plan in plans],
        "shift": [plan.masks.shift for plan in plans],
        "design": [plan.masks.design for plan in plans],
        "fill": [plan.fill for plan in plans],
        "estimator": [plan.estimator for plan in plans],
        "link": [plan.link for plan in plans],
        "max_masks": [plan.count for plan in plans],
        "until": [plan.until for plan in plans],
        "batch_size": [plan.batch_size for plan in plans],
        "threshold": [run.model.threshold for run in runs],
        "resize": [run.model.input.resize for run in runs],
        "at": [",".join(map(str, snapshots.AT))] * 2,
    }


def parts(text):
    """Return the defaults that words name: of a classifier, and of a detector.

    >>> parts("8, 16 for a detector"), parts("0.5")
    (('8', '16'), ('0.5', '0.5'))
    """
    if found := re.fullmatch(r"(\S+), (?:for a detector )?(\S+)(?: for a detector)?", text):
        return found[1], found[2]
    first = text.split()[0]
    return first, first


# --- the command line


def options():
    typer = pytest.importorskip("typer")
    from unmask.cli import app

    for name, command in typer.main.get_command(app).commands.items():
        for option in command.params:
            yield name, option


def test_help_says_what_happens_without_an_option(happens):
    # Checked below, or as many as there is room for, or in words: tests/draw/test_scale.py.
    elsewhere = {"explainer", "metric", "workers", "cmap", "opacity"}
    checked = set()
    for command, option in options():
        shown = option.show_default if isinstance(option.show_default, str) else None
        said = shown if shown is not None else option.default
        if option.name not in happens:
            assert shown is None or option.name in elsewhere, (command, option.name)
            continue
        if said is None or (command == "batch" and option.name == "seed"):
            continue
        assert parts(str(said)) == tuple(
            f"{one:g}" if isinstance(one, float) else str(one) for one in happens[option.name]
        ), (command, option.name)
        checked.add(option.name)
    assert checked >= set(happens) - {"shift", "resize"}


def test_help_in_words_says_what_happens(happens):
    said = {(command, option.name): option.help or "" for command, option in options()}
    for (command, name), words in said.items():
        if name == "masks":
            numbers = re.findall(r"reliability of (\S+) takes, at most (\d+), (\d+) for", words)
            assert numbers == [(f"{happens['until'][0]:g}", *map(str, happens["max_masks"]))], (
                command
            )
        if name == "resize":
            assert "else stretched; letterboxed for a detector" in words, command
            assert happens["resize"][0] == "stretch"


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real detector of ../shared")
def test_a_detectors_file_is_letterboxed():
    model = unmask.load(SHARED / "models" / "yolox_nano_coco.onnx", detector="yolox")
    assert (model.input.resize, model.threshold) == ("letterbox", unmask.Model.threshold)


def test_help_of_lists_says_what_happens():
    from unmask import evaluation

    said = {
        (command, option.name): option.show_default
        for command, option in options()
        if isinstance(option.show_default, str)
    }
    assert said["evaluate", "metric"] == ", ".join(evaluation.DEFAULT)
    assert said["compare", "explainer"].split(";")[0] == ", ".join(EXPLAINERS)


# --- docstrings


def modules():
    for found in pkgutil.walk_packages(unmask.__path__, "unmask."):
        if found.name != "unmask.__main__":
            try:
                yield importlib.import_module(found.name)
            except ImportError:  # of an extra that is not there
                continue


def documented():
    """Yield every function with a docstring, classes by what makes them."""
    for module in modules():
        for name, one in vars(module).items():
            if getattr(one, "__module__", None) != module.__name__:
                continue
            if inspect.isfunction(one) and one.__doc__:
                yield f"{module.__name__}.{name}", one.__doc__, one
            elif inspect.isclass(one):
                if one.__doc__ and "Parameters\n" in one.__doc__:
                    yield f"{module.__name__}.{name}", one.__doc__, one
                for inner, method in vars(one).items():
                    if inspect.isfunction(method) and method.__doc__:
                        yield f"{module.__name__}.{name}.{inner}", method.__doc__, method


def stated(doc):
    """Yield parameter and default of a numpydoc section of parameters."""
    for names, kind in re.findall(r"^ *([a-z_][\w, ]*) : (.*)$", doc, re.MULTILINE):
        if found := re.search(r"\bdefault (.+)$", kind):
            for name in names.split(", "):
                yield name, found[1]


def value(text):
    if size := re.fullmatch(r"(\d+) MiB", text):
        return int(size[1]) * 2**20
    if part := re.fullmatch(r"(\d+)/(\d+)", text):
        return int(part[1]) / int(part[2])
    return ast.literal_eval(text)


def test_docstrings_say_what_the_signature_says(happens):
    count = 0
    for name, doc, function in documented():
        parameters = inspect.signature(function).parameters
        for parameter, text in stated(doc):
            count += 1
            default = parameters[parameter].default
            if default is None and parameter in happens:
                usual = [str(one) for one in happens[parameter]]
                if name.endswith("from_onnx_detector") and parameter == "resize":
                    usual = ["letterbox"] * 2  # tested above
                assert [one.strip('"') for one in parts(text)] == usual, (name, parameter)
            elif default is None:
                # What is found out later; tests of their own hold these.
                assert (parameter, value(text)) in LATER, (name, parameter)
            else:
                assert value(text) == default, (name, parameter)
    assert count > 60


# --- the table of settings, row by row

ROWS = tuple(settings.SETTINGS.values())
rows = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
QUICK = {"masks": 64, "grid": 3}


def prepared(row, value):
    """Prepare with one setting; how many masks is said by it alone, where it says that."""
    ends = row.name in ("until", "max_masks", "max_seconds", "masks")
    if value in ("shapley", "banzhaf", "exhaustive"):  # of units alone
        words, chosen = unmask.text("one two three four"), {row.name: value}
        if value == "shapley":
            chosen = {"design": "shapley", "estimator": "shapley"}
        return unmask.prepare(lambda texts: [float(len(text)) for text in texts], words, **chosen)
    if row.name == "edges":
        return unmask.prepare("demo", SCENE, masks=8, segments="slic:9", edges=value)
    return unmask.prepare("demo", SCENE, **({"grid": 3} if ends else QUICK) | {row.name: value})


@rows
def test_what_happens_is_the_rows_default(row, happens):
    if row.name in happens:
        assert happens[row.name] == [row.usual("classes"), row.usual("boxes")]
    else:
        assert (row.default, row.by_task) == (None, {}), row.name
    assert row.usual("a task of somebody's") == row.default


def test_python_takes_the_rows_that_say_so_and_no_others():
    beside = {"model", "image", "target", "preprocess", "executor"}
    for function in (unmask.explain, unmask.prepare):
        taken = inspect.signature(function).parameters
        assert set(taken) - beside == {row.name for row in ROWS if row.argument}, function
        for row in ROWS:
            if row.argument:
                assert taken[row.name].default in (None, row.default), row.name


@rows
def test_the_docstring_of_explain_states_the_rows_default(row):
    kinds = dict(re.findall(r"^(\w+) : (.*)$", inspect.getdoc(unmask.explain), re.MULTILINE))
    assert (row.name in kinds) == row.argument
    kind = kinds.get(row.name, "")
    if not row.argument or row.name == "masks":  # "auto" is the word for none
        return
    if row.default is None or row.says != "{}":
        assert kind.endswith(", optional"), kind
        return
    (said,) = [text for name, text in stated(f"    {row.name} : {kind}") if name == row.name]
    usual = [row.usual("classes"), row.usual("boxes")]
    assert [one.strip('"') for one in parts(said)] == [str(one) for one in usual]


@pytest.mark.slow
@rows
def test_every_choice_is_in_docstring_and_help_and_is_taken(row):
    doc = inspect.getdoc(unmask.explain).split(f"\n{row.name} : ")[-1].split(" : ")[0]
    for choice in row.choices:
        assert f'"{choice}"' in doc, (row.name, choice)
        prepared(row, choice)
    if row.kind == "choice":
        with pytest.raises(SettingError, match=f"{row.name}='nonsense': expected .*{choice}"):
            prepared(row, "nonsense")


@pytest.mark.slow
@rows
def test_values_are_taken_within_the_bounds_and_refused_beyond(row):
    if row.kind == "whole" and row.argument:
        good, bad = [row.low], [row.low - 1, row.low + 0.5, "many"]
        if row.high != np.inf:
            good, bad = [*good, row.high], [*bad, row.high + 1]
    elif row.kind == "number":
        good, bad = [row.low + 1e-3], [row.low, row.low - 1, "much", np.nan]
        if row.high != np.inf:
            good, bad = [*good, row.high - 1e-3], [*bad, row.high]
    else:
        return
    if row.name != "keep":  # no design keeps one cell of a thousand; its own tests hold the rest
        for value in good:
            prepared(row, value)
    for value in bad:
        with pytest.raises(SettingError, match=re.escape(f"{row.name}={value!r}")):
            prepared(row, value)


@rows
def test_the_command_line_has_the_rows_option_and_help(row):
    found = {name: one for command, one in options() for name in [one.name] if command == "explain"}
    assert (row.name in found) == row.option
    if row.option:
        option = found[row.name]
        assert option.opts == [f"--{row.name.replace('_', '-')}", *([row.short] * bool(row.short))]
        assert option.help.startswith(row.help)
        assert all(choice in option.help for choice in row.choices)
        shown = option.default if option.default is not None else option.show_default
        words = in_options(row.default_in_words)
        assert str(shown) == words if words else shown in (None, True, False)


@rows
def test_messages_name_the_rows_option(row):
    value = {"grid": "(3, 4)", "shard": "(1, 2)"}.get(row.name, "x")
    said = {"grid": "3x4", "shard": "1/2"}.get(row.name, "x")
    text = f"give {row.name}={value} here"
    option = f"--{row.name.replace('_', '-')} {said}"
    assert in_options(text) == (f"give {option} here" if row.option else text)
    here = f"give {row.name.replace('_', ' ')} {said} here"
    chosen = row.page is not None or row.name == "masks"
    assert on_page(text) == (here if chosen else in_options(text))


@rows
def test_the_page_asks_for_the_rows_that_say_so(row, happens):
    from unmask.app import form

    fields = {one.name: one for one in form.fields(unmask.load("demo"))}
    assert (row.name in fields) == (row.page is not None)
    if row.page is not None:
        one = fields[row.name]
        assert one.default == happens[row.name][0]
        assert (one.label, one.help, one.choices) == (row.page.label, row.page.help, row.choices)
        low = row.low if one.low is None else one.low
        assert row.low <= low <= (one.high or row.high) <= row.high


@rows
@pytest.mark.parametrize("preset", settings.PRESETS)
def test_a_preset_says_what_the_row_says(row, preset):
    run = unmask.prepare("demo", SCENE, 0, preset=preset)
    plan = vars(run.plan.masks) | vars(run.plan) | {"masks": run.plan.count}
    plan["within"] = run.targets.targets[0].top
    if preset in row.presets:
        value = row.presets[preset]
        assert plan[row.name] == (value(run.plan.masks.shape) if callable(value) else value)
    if row.name in ("preset", "seed", "shard", "checkpoint"):
        assert preset not in row.presets


def test_a_setting_for_other_models_is_refused():
    lamp = unmask.load(lambda _: [], detector="function", labels=["lamp"], name="lamps")
    words = "preset='notebook' is for classifiers, and lamps is a detector"
    with pytest.raises(SettingError, match=words):
        unmask.prepare(lamp, SCENE, preset="notebook")


# --- the docs

READS = {
    "grid": ("docs/notebook.md", r"Without the preset, a grid of (\d+) x"),
    "design": ("docs/notebook.md", r"Without the preset, .*?random shifts, (\w+) masks"),
    "estimator": ("docs/notebook.md", r"Without the preset, .*?and the `(\w+)` estimate"),
}
ALSO = {
    "estimator": ("docs/estimates.md", r"^\| `(\w+)` \|.*\| the default \|$"),
    "design": ("docs/masks.md", r"^\*\*`(\w+)`\*\* \(the default\)"),
    "resize": ("docs/models.md", r'`resize="(\w+)"` \(the default\)'),
    "until": ("docs/estimates.md", r"goes on until its reliability is ([\d.]+), or to"),
    "max_masks": ("docs/estimates.md", r"or to ([\d,]+) masks \([\d,]+ for a detector\)"),
}
TABLE = {
    "grid": r"^\| `--grid` \|.*\| (\d+) \|$",
    "fill": r"^\| `--fill` \|.*\| (\w+) \|$",
    "until": r"^\| `--until` \|.*\| ([\d.]+), at most \d+ masks \|$",
    "max_masks": r"^\| `--until` \|.*\| [\d.]+, at most (\d+) masks \|$",
}


@pytest.mark.parametrize(
    ("name", "file", "pattern"),
    [
        *((name, *where) for name, where in READS.items()),
        *((name, *where) for name, where in ALSO.items()),
        *((name, "README.md", pattern) for name, pattern in TABLE.items()),
    ],
)
def test_docs_say_what_happens(name, file, pattern, happens):
    text = (ROOT / file).read_text("utf-8")
    (said,) = re.findall(pattern, text, re.MULTILINE | re.DOTALL if "Without" in pattern else re.M)
    usual = happens[name][0]
    assert said.replace(",", "") == (f"{usual:g}" if isinstance(usual, float) else str(usual))


def test_docs_of_batch_say_what_happens():
    said = (ROOT / "docs/scale.md").read_text("utf-8")
    usual = {option.name: option.default for command, option in options() if command == "batch"}
    assert re.findall(r"`--maps (\w+)` \(the default\)", said) == [usual["maps"]]
    assert re.findall(r"`--cores` \(default (\d+)\)", said) == [str(usual["cores"])]

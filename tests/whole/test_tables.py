"""Rows of tables from end to end: exact where the truth is known, calibrated, and real models."""

import itertools
import json
import warnings

import numpy as np
import pytest

import unmask
from helpers.places import SHARED
from unmask.estimate.estimators import finalize
from unmask.estimate.uncertainty import half_width
from unmask.reports.reproduce import reproduction

TABULAR = SHARED / "real" / "tabular"
real = pytest.mark.skipif(not TABULAR.is_dir(), reason="the real tables are absent")
RNG = np.random.default_rng(0)
OTHERS = RNG.normal(size=(60, 7))
ROW = RNG.normal(size=7) * 2
WEIGHTS = RNG.normal(size=7)
NAMES = ["length", "width", "height", "weight", "age", "price", "stock"]
GROUPS = {"size": ["length", "width", "height"]}


def weighed(rows):
    return np.asarray(rows, np.float64) @ WEIGHTS


def explained(**settings):
    given = unmask.row(ROW, OTHERS, NAMES, GROUPS)
    return unmask.explain(weighed, given, 0, **{"masks": 512, "design": "balanced", **settings})


def in_units(values):
    return np.array([values[:3].sum(), *values[3:]])


@pytest.mark.slow
def test_a_linear_model_is_within_its_stated_errors():
    # E[f | unit shown] - E[f] is half of what the row has more than the background.
    worth = in_units((ROW - OTHERS.mean(axis=0)) * WEIGHTS) / 2
    made = explained(masks=20_000)
    off = np.abs(made.map - made.levels[0] - worth) / made.influence_stderr()
    assert made.map.shape == (5,)
    assert off.max() < 4
    assert made.significant()[np.abs(worth) > 0.2].all()


def test_every_mask_with_every_row_is_exact():
    # 5 units are few: all 32 masks, each with each of 60 rows, where so many are asked for.
    given = unmask.row(ROW, OTHERS, NAMES, GROUPS)
    made = unmask.explain(weighed, given, 0, masks=4000)
    assert (made.plan.masks.design, made.masks) == ("exhaustive", 32 * len(OTHERS))
    worth = in_units((ROW - OTHERS.mean(axis=0)) * WEIGHTS)
    np.testing.assert_allclose(made.map - made.levels[0], worth / 2, atol=1e-6)
    values = unmask.explain(weighed, given, 0, estimator="shapley", masks=4000)
    np.testing.assert_allclose(values.map, worth, atol=1e-6)


@pytest.mark.parametrize("fill", ["mean", [0.0] * 7])
def test_with_one_row_as_fill_it_is_exact(fill):
    other = OTHERS.mean(axis=0) if fill == "mean" else np.zeros(7)
    block = explained(fill=fill, masks=1).plan.masks.block_size
    made = explained(fill=fill, masks=2 * block, estimator="centered")
    worth = in_units((ROW - other) * WEIGHTS) / 2
    np.testing.assert_allclose(made.map - made.levels[0], worth, atol=1e-5)


@pytest.mark.slow
def test_errors_hold_the_background_too():
    """95% intervals of a model that is no sum hold the mean over masks and background."""
    weights = np.random.default_rng(1).normal(size=(6, 4))

    def bent(rows):
        return np.tanh(rows @ weights).prod(axis=1) + np.tanh(rows @ weights[:, 0])

    rng = np.random.default_rng(2)
    row, others = rng.normal(size=6), rng.normal(size=(30, 6))
    masks = np.array([*itertools.product([0, 1], repeat=6)])
    mixed = np.where(masks[:, None] > 0, row, others)
    scores = bent(mixed.reshape(-1, 6)).reshape(len(masks), -1).mean(axis=1)
    truth = masks.T @ scores / masks.sum(axis=0)
    given, inside = unmask.row(row, others), []
    for seed in range(300):
        made = unmask.explain(
            bent, given, 0, masks=512, seed=seed, design="balanced", batch_size=512
        )
        maps = finalize("adaptive", made.scores)
        inside.append(np.abs(maps.value[0] - truth) <= half_width(maps, 0.95)[0])
    assert 0.93 <= np.mean(inside) <= 0.97


@pytest.mark.slow
def test_planted_evidence_has_the_peak():
    hits = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        count = int(rng.integers(8, 30))
        weights = rng.uniform(0.1, 0.33, count) * rng.choice([-1.0, 1.0], count)
        place = int(rng.integers(count))
        weights[place] = 1.0
        others = rng.normal(size=(50, count))
        row = others.mean(axis=0) + rng.choice([-1.0, 1.0], count)
        row[place] = others[:, place].mean() + 2

        def model(rows, weights=weights):
            return 1 / (1 + np.exp(-rows @ weights))

        made = unmask.explain(model, unmask.row(row, others), 0, masks=1000, seed=seed)
        hits.append(made.map.argmax() == place)
    assert np.mean(hits) >= 0.97


def test_the_batch_size_changes_nothing():
    one, other = explained(batch_size=7), explained(batch_size=500)
    np.testing.assert_array_equal(one.maps, other.maps)


def test_it_is_saved_read_gone_on_with_and_merged(tmp_path):
    made = explained()
    read = unmask.Explanation.load(made.save(tmp_path / "row.npz"))
    np.testing.assert_array_equal(read.maps, made.maps)
    assert read.original.same(made.original)
    assert read.original.row.labels == made.original.row.labels
    more = unmask.extend(read, weighed, masks=64)
    np.testing.assert_array_equal(more.maps, explained(masks=576).maps)
    parts = [explained(shard=(number, 2)) for number in (1, 2)]
    np.testing.assert_array_equal(parts[0].merge(parts[1]).maps, made.maps)
    other = unmask.explain(
        weighed, unmask.row(ROW, -OTHERS, NAMES, GROUPS), 0, masks=512, design="balanced"
    )
    with pytest.raises(unmask.SettingError, match="cannot merge"):
        parts[0].merge(other)


def test_categories_dates_and_gaps_are_saved(tmp_path):
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(
        {
            "fare": [7.25, 71.3, np.nan, 8.0],
            "port": pd.Categorical(["S", "C", None, "S"]),
            "name": ["a", "b", "c", None],
            "since": pd.to_datetime(["2020-01-01", "2021-02-03", "2022-03-04", "2020-01-01"]),
            "ties": [1, 2, 3, 4],
        }
    )
    seen = []

    def model(rows):
        seen.append(rows.dtypes)
        codes = rows["port"].cat.codes + rows["since"].dt.year / 1000
        return (rows["fare"].fillna(0) + codes + rows["ties"]).to_numpy()

    given = unmask.row(frame.iloc[[1]], frame)
    made = unmask.explain(model, given, 0, masks=64, design="balanced")
    assert all(dtypes.equals(frame.dtypes) for dtypes in seen)
    read = unmask.Explanation.load(made.save(tmp_path / "row.npz"))
    assert read.original.same(made.original)
    more = unmask.extend(read, model, masks=64)
    whole = unmask.explain(model, given, 0, masks=128, design="balanced")
    np.testing.assert_array_equal(more.maps, whole.maps)
    assert all(dtypes.equals(frame.dtypes) for dtypes in seen)


def test_a_background_too_large_to_store_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr("unmask.inputs.rows.STORED", 100)
    read = unmask.Explanation.load(explained().save(tmp_path / "row.npz"))
    with pytest.raises(unmask.SettingError, match="too large to be stored"):
        unmask.extend(read, weighed, masks=64)
    given = unmask.row(ROW, OTHERS, NAMES, GROUPS)
    more = unmask.extend(read, weighed, given, masks=64)
    np.testing.assert_array_equal(more.maps, explained(masks=576).maps)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtypes": ["float64"]}, "not of its columns"),
        ({"levels": [["a"], *[None] * 6]}, "none of its column's"),
        ({"groups": [{"name": "g", "places": [9]}]}, "groups are not"),
        ({"groups": []}, "not that of the masks"),
        ({"groups": [{"name": "g", "places": []}]}, "groups"),
        ({"levels": [[{}], *[None] * 6]}, "levels"),
    ],
)
def test_a_file_that_is_wrong_is_refused(tmp_path, change, words):
    path = explained(masks=64).save(tmp_path / "row.npz")
    members = dict(np.load(path))
    header = json.loads(members["header"].tobytes())
    header["row"] |= change
    members["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **members)
    with pytest.raises(unmask.FileError, match=words):
        unmask.Explanation.load(path)


def test_a_checkpoint_is_gone_on_with(tmp_path):
    explained(masks=64, checkpoint=tmp_path / "scores")
    made = explained(checkpoint=tmp_path / "scores")
    np.testing.assert_array_equal(made.maps, explained().maps)
    # As many groups of other columns are other masks.
    other = unmask.row(ROW, OTHERS, NAMES, {"size": ["weight", "width", "height"]})
    with pytest.raises(unmask.FileError, match="belongs to another run"):
        unmask.explain(
            weighed, other, 0, masks=512, design="balanced", checkpoint=tmp_path / "scores"
        )
    with pytest.raises(unmask.SettingError, match="its groups or its background are others"):
        unmask.extend(made, weighed, other, masks=64)


def test_it_is_measured_over_the_background():
    made = explained()
    case = unmask.metrics.case(weighed, made.original.given, 0)
    curves = unmask.metrics.both(case, made.map, step=1)
    assert curves["deletion"].scores[0] == pytest.approx(weighed(ROW))
    assert curves["insertion"].scores[-1] == pytest.approx(weighed(ROW))
    assert curves["deletion"].scores[-1] == pytest.approx(weighed(OTHERS).mean())
    worst = unmask.metrics.deletion(case, -made.map, step=1)
    assert curves["deletion"].area < worst.area
    # The case's own model is given again by explainers.
    again = unmask.explain(case.model, case.given, 0, masks=512, design="balanced")
    np.testing.assert_array_equal(again.maps, made.maps)


def test_it_is_drawn_and_reported():
    made = explained(masks=1024)
    figure = made.plot(certainty=True)
    words = [text.get_text() for ax in figure.axes for text in ax.get_yticklabels()]
    assert "size (3 columns)" in words
    assert f"price = {ROW[5]:.4g}" in words
    assert made._repr_png_() is not None
    page = unmask.report([made])
    assert page.count("<th scope=row>size (3 columns)</th>") == 1
    assert "as row.csv and background.csv" in page


@pytest.mark.slow
def test_other_processes_see_the_same_rows():
    pytest.importorskip("cloudpickle")
    from unmask.cluster import ProcessExecutor

    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression().fit(OTHERS, OTHERS[:, 0] > 0)
    given = unmask.row(ROW, OTHERS, NAMES, GROUPS)
    alone = unmask.explain(fitted, given, 1, masks=256, design="balanced")
    with ProcessExecutor(fitted, workers=2) as executor:
        shared = unmask.explain(
            unmask.load(fitted), given, 1, masks=256, design="balanced", executor=executor
        )
    np.testing.assert_array_equal(shared.maps, alone.maps)


@pytest.mark.slow
@real
def test_columns_of_a_real_linear_model_rank_as_its_own_values():
    pytest.importorskip("onnxruntime")
    data = np.load(TABULAR / "breast_cancer.npz")
    model = unmask.load(
        TABULAR / "breast_cancer_logreg.onnx", output="probabilities", activation="probabilities"
    )
    assert "rows of 30 columns" in repr(model)
    names = data["feature_names"].tolist()
    found = []
    for row in data["X_test"][:6]:
        given = unmask.row(row, data["X_train"], names=names)

        def logit(outputs):
            return np.log(outputs[:, 1] + 1e-7) - np.log(outputs[:, 0] + 1e-7)

        made = unmask.explain(model, given, logit, masks=4000)
        base = data["X_train"].mean(axis=0)
        steps = np.tile(base, (31, 1)).astype(np.float32)
        np.fill_diagonal(steps[1:], row)
        values = logit(model(steps))
        found.append(np.corrcoef(made.map, values[1:] - values[0])[0, 1])
    assert min(found) > 0.95


@pytest.mark.slow
@real
@pytest.mark.parametrize("name", ["breast_cancer_gbm", "wine_rf"])
def test_real_trees_are_explained_better_than_by_chance(name):
    pytest.importorskip("onnxruntime")
    data = np.load(TABULAR / f"{name.rpartition('_')[0]}.npz")
    model = unmask.load(TABULAR / f"{name}.onnx", output="probabilities")
    areas = []
    for row in data["X_test"][:5]:
        given = unmask.row(row, data["X_train"][:50])
        made = unmask.explain(model, given, masks=1000)
        case = unmask.metrics.case(model, given, made.targets[0].index)
        shuffled = np.random.default_rng(0).permutation(made.map)
        both = [unmask.metrics.deletion(case, one, step=1) for one in (made.map, shuffled)]
        areas.append([curve.area for curve in both])
    ours, chance = np.mean(areas, axis=0)
    assert ours < chance


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """A model of seven columns, and files of rows."""
    helper = pytest.importorskip("onnx").helper
    from onnx import TensorProto, numpy_helper, save

    monkeypatch.chdir(tmp_path)
    pytest.importorskip("onnxruntime")
    weights = np.stack([-WEIGHTS, WEIGHTS], axis=1).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["rows", "weights"], ["scores"])]
    inputs = [helper.make_tensor_value_info("rows", TensorProto.FLOAT, ("n", 7))]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ("n", 2))]
    constants = [numpy_helper.from_array(weights, "weights")]
    graph = helper.make_graph(nodes, "rows", inputs, outputs, constants)
    opset = [helper.make_opsetid("", 17)]
    save(helper.make_model(graph, opset_imports=opset, ir_version=9), "model.onnx")
    for name, rows in (("test", np.stack([-ROW, ROW])), ("train", OTHERS)):
        np.savetxt(f"{name}.csv", rows, delimiter=",", header=",".join(NAMES), comments="")
    return tmp_path


def run(*words, code=0):
    cli = pytest.importorskip("unmask.cli")
    from typer.testing import CliRunner

    result = CliRunner().invoke(cli.app, [str(word) for word in words])
    assert result.exit_code == code, result.output
    return result


MODEL = ["-m", "model.onnx", "--activation", "logits"]
SAID = ["explain", "test.csv", "--background", "train.csv", *MODEL, "-n", 1920, "-t", 1]


@pytest.mark.slow
def test_the_command_line_takes_a_row(tables):
    said = run(*SAID, "--row", 1, "--group", "size=length,width,height").output
    made = unmask.Explanation.load("unmask-output/test-1.npz")
    worth = in_units((ROW - OTHERS.mean(axis=0)) * WEIGHTS) / 2
    change = made.map - made.levels[0]
    np.testing.assert_allclose(change, worth, atol=1e-4)  # all masks with all rows
    assert (tables / "unmask-output" / "test-1-class-1.png").stat().st_size > 1000
    rows = [line.split() for line in said.splitlines() if line.startswith(("size", "price"))]
    assert ["size", "3", "columns"] in [row[:3] for row in rows]
    again = reproduction(made)
    assert "--row 1" in again.command()
    assert "--group size=length,width,height" in again.command()
    assert again.unsaid == ()
    scope = {}
    exec(again.python(), scope)
    np.testing.assert_array_equal(scope["explanation"].maps, made.maps)
    run(*again.command().split()[1:], "-o", "again")
    other = unmask.Explanation.load("again/test-1.npz")
    np.testing.assert_array_equal(other.maps, made.maps)
    run("report", "unmask-output/test-1.npz", "-o", "page.html")
    assert run("predict", "test.csv", "--row", 0, *MODEL).output.count("class") == 2


def test_results_for_scripts_have_the_columns(tables):
    printed = run(*SAID, "--row", 1, "--group", "size=length,width", "--json", "-q").stdout
    (target,) = json.loads(printed)["targets"]
    columns = target["columns"]
    assert [one["column"] for one in columns] == ["size", *NAMES[2:]]
    assert set(columns[0]["input"]) == {"length", "width"}
    assert float(columns[1]["input"]) == pytest.approx(ROW[2], rel=1e-3)
    assert {*columns[0]} == {"column", "input", "value", "stderr", "significant"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "table of 2 rows: say which with --row, from 0 to 1"),
        (["--row", 5], "--row 5: expected a whole number"),
        (["--row", 1, "--group", "size"], "--group size: expected a name and columns"),
        (["--row", 1, "--group", "size=length,with"], "Did you mean width?"),
        (["--row", 1, "--columns", "length,with"], "the row has no column 'with'"),
        (["--row", 1, "--columns", "length,width"], "a row of 2 columns, and model.onnx takes 7"),
        (["--row", 1, "--fill", "blur"], "--fill blur: hidden columns hold"),
        (["--text", "a b"], "--background is for a table"),
    ],
)
def test_what_cannot_be_is_one_line(tables, words, says):
    result = run(*SAID, *words, code=2)
    (line,) = [one for one in result.output.strip().splitlines() if one.startswith("Error: ")]
    assert says in line
    assert "Traceback" not in result.output


def test_no_note_of_pictures_is_said_of_rows():
    pytest.importorskip("sklearn")
    from sklearn.linear_model import LogisticRegression

    squares = np.random.default_rng(0).normal(size=(40, 16))
    fitted = LogisticRegression().fit(squares, squares[:, 3] > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = unmask.explain(fitted, unmask.row(squares[0], squares), 1, masks=256)
    assert made.map.shape == (16,)


def test_a_report_of_a_row_says_what_its_values_are():
    others = np.random.default_rng(0).normal(size=(20, 3))
    given = unmask.row([2.0, -1.0, 0.5], others)
    for estimator, measure in (("shapley", "Shapley value"), ("banzhaf", "Banzhaf value")):
        made = unmask.explain(
            lambda rows: 1 / (1 + np.exp(-rows[:, 0])), given, 0, masks=64, estimator=estimator
        )
        page = unmask.report([made])
        assert measure in page
        assert "while visible" not in page

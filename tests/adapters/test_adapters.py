"""unmask in other libraries' places, each tested with the library itself."""

import sys
from types import ModuleType

import numpy as np
import pytest

import unmask
from unmask import adapters

PICTURE = np.random.default_rng(0).integers(0, 256, (36, 52, 3), np.uint8)


def left_and_all(batch):
    """Brightness of the left third, and of all."""
    third = batch.shape[2] // 3
    return np.stack([batch[:, :, :third].mean((1, 2, 3)), batch.mean((1, 2, 3))], 1) / 255


@pytest.fixture(scope="module")
def two():
    return unmask.explain(left_and_all, PICTURE, [0, 1], masks=256, grid=(4, 6))


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(50, 4))
    weights = np.array([2.0, 0.0, -1.0, 0.5])
    return rows, weights


def linear(weights):
    from sklearn.linear_model import LinearRegression

    rows = np.random.default_rng(1).normal(size=(20, len(weights)))
    return LinearRegression().fit(rows, rows @ weights + 0.25)


def test_shap_has_influence_errors_and_bounds_of_a_picture(two):
    pytest.importorskip("shap")
    found = two.to_shap(level=0.9)
    assert found.values.shape == (1, 36, 52, 1, 2)
    np.testing.assert_allclose(found.values[0, ..., 0, 1], two.maps[1] - two.levels[1])
    np.testing.assert_allclose(found.base_values, [two.levels])
    np.testing.assert_allclose(found.error_std[0, ..., 0, 0], two.influence_stderr(0))
    np.testing.assert_array_equal(found.data, PICTURE[None])
    assert list(found.output_names) == [target.label for target in two.targets]
    wide = two.to_shap(level=0.99)
    inside = (wide.lower_bounds <= found.lower_bounds) & (found.lower_bounds <= found.values)
    assert inside.all()
    assert ((found.values <= found.upper_bounds) & (found.upper_bounds <= wide.upper_bounds)).all()


def test_shaps_own_plots_draw_pictures_words_and_rows(two, table):
    shap = pytest.importorskip("shap")
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    shap.plots.image(two.to_shap(), show=False)
    assert [axis.get_title() for axis in plt.gcf().axes[1:3]] == ["class 0", "class 1"]
    plt.close("all")
    rows, weights = table
    row = unmask.row(rows[0], rows, names=["a", "b", "c", "d"])
    made = unmask.explain(linear(weights), row, 0, estimator="shapley").to_shap()
    shap.plots.waterfall(made, show=False)
    plt.close("all")
    words = unmask.explain(
        lambda texts: [0.5 * ("good" in text) for text in texts],
        unmask.text("a good film"),
        0,
        estimator="shapley",
    ).to_shap()
    assert "good" in shap.plots.text(words, display=False)
    assert words.data.tolist() == ["a ", "good ", "film"]


def test_shapley_values_add_up_to_the_score_from_the_base_value(table):
    pytest.importorskip("shap")
    rows, weights = table
    row = unmask.row(rows[0], rows[[1, 1]], names=["a", "b", "c", "d"])
    made = unmask.explain(linear(weights), row, 0, estimator="shapley").to_shap()
    np.testing.assert_allclose(made.values, weights * (rows[0] - rows[1]), atol=1e-6)
    assert made.base_values == pytest.approx(0.25 + rows[1] @ weights, abs=1e-6)
    assert list(made.feature_names) == ["a", "b", "c", "d"]
    np.testing.assert_allclose(made.data.astype(float), rows[0])


def test_xarray_has_maps_with_names(two):
    pytest.importorskip("xarray")
    found = two.to_xarray()
    assert dict(found["map"].sizes) == {"target": 2, "y": 36, "x": 52}
    np.testing.assert_array_equal(found["map"].sel(target="class 1"), two.maps[1])
    np.testing.assert_array_equal(found["influence_stderr"][0], two.influence_stderr(0))
    assert found.attrs["masks"] == 256
    assert found["reliability"].values.tolist() == list(two.reliabilities)


def test_xarray_names_words_and_channels():
    pytest.importorskip("xarray")
    text = unmask.explain(
        lambda texts: [0.5 * ("good" in text) for text in texts], unmask.text("a good film"), 0
    ).to_xarray()
    assert text["map"].dims == ("target", "unit")
    assert text["unit"].values.tolist() == ["a", "good", "film"]
    series = unmask.series(
        np.random.default_rng(0).normal(size=(30, 2)),
        layout="TC",
        names=["x", "y"],
        channels="apart",
    )
    model = unmask.load(lambda batch: batch[:, :10].mean((1, 2)), layout="NTC")
    found = unmask.explain(model, series, 0, masks=128, grid=6).to_xarray()
    assert found["map"].dims == ("target", "channel", "time")
    assert found["channel"].values.tolist() == ["x", "y"]


class TestCaptum:
    @pytest.fixture(autouse=True)
    def there(self):
        pytest.importorskip("captum")

    @pytest.fixture
    def module(self):
        import torch

        torch.manual_seed(0)
        return torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten()
        )

    def test_it_is_an_attribution_with_maps_of_the_inputs_shape(self, module):
        import torch
        from captum.attr import Attribution

        rise = adapters.Rise(module)
        assert isinstance(rise, Attribution)
        inputs = torch.rand(2, 3, 12, 18, generator=torch.Generator().manual_seed(1))
        values, errors = rise.attribute(
            inputs, torch.tensor([3, 5]), masks=256, grid=(3, 4), return_stderr=True
        )
        assert values.shape == errors.shape == inputs.shape
        assert values.dtype == inputs.dtype
        assert (values[:, 0] == values[:, 2]).all()
        own = unmask.load(module, preprocess="unit", size=(12, 18), activation="logits")
        made = unmask.explain(own, inputs[1].numpy(), 5, masks=256, grid=(3, 4), preprocess="raw")
        np.testing.assert_allclose(
            values[1, 0].numpy(), made.model_maps[0] - made.levels[0], atol=1e-6
        )

    def test_captums_infidelity_takes_it(self, module):
        import torch
        from captum.metrics import infidelity

        inputs = torch.rand(1, 3, 12, 18, generator=torch.Generator().manual_seed(1))
        values = adapters.Rise(module).attribute(inputs, 0, masks=256, grid=3)

        def noise(inputs):
            shift = 0.01 * torch.randn(inputs.shape, generator=torch.Generator().manual_seed(2))
            return shift, inputs - shift

        assert infidelity(module, noise, inputs, values, target=0).shape == (1,)

    def test_further_arguments_and_series(self):
        import torch

        def scaled(batch, factor):
            return batch[:, :, :5].mean(dim=(1, 2)) * factor

        inputs = torch.rand(1, 2, 20, generator=torch.Generator().manual_seed(1))
        once, twice = (
            adapters.Rise(scaled).attribute(inputs, None, factor, masks=128, grid=5)
            for factor in (1.0, 2.0)
        )
        np.testing.assert_allclose(2 * once.numpy(), twice.numpy(), rtol=1e-5, atol=1e-7)

    @pytest.mark.parametrize("inputs", [np.zeros((1, 3, 8, 8)), [1.0]])
    def test_what_is_no_tensor_is_refused(self, inputs):
        with pytest.raises(unmask.SettingError, match="expected one tensor with the batch first"):
            adapters.Rise(len).attribute(inputs)


def test_a_batch_of_images_with_classes_or_one_hot_labels():
    images = np.random.default_rng(1).random((2, 12, 18, 3)).astype(np.float32)
    settings = {"masks": 128, "grid": 3, "seed": 4}
    maps = adapters.explain_batch(left_and_all, images, [1, 0], **settings)
    assert maps.shape == (2, 12, 18)
    hot = adapters.explain_batch(left_and_all, images, [[0.0, 1.0], [1.0, 0.0]], **settings)
    np.testing.assert_array_equal(maps, hot)
    with pytest.raises(unmask.SettingError, match="expected a class for each input, or rows with"):
        adapters.explain_batch(left_and_all, images, [[0.5, 0.5], [1.0, 0.0]], **settings)


def test_importance_of_a_linear_model_is_its_weights_times_mean_deviations(table):
    rows, weights = table
    found = adapters.importance(linear(weights), rows[:6], background=rows[[9, 9]])
    exact = weights[:, None] * (rows[:6] - rows[9]).T
    np.testing.assert_allclose(found.importances, exact, atol=1e-6)
    np.testing.assert_allclose(found.importances_mean, np.abs(exact).mean(axis=1), atol=1e-6)
    np.testing.assert_allclose(found.importances_std, np.abs(exact).std(axis=1), atol=1e-6)
    assert found.importances_stderr.max() < 1e-9  # four columns: all coalitions are taken
    with pytest.raises(unmask.SettingError, match="6 rows and 2 targets"):
        adapters.importance(linear(weights), rows[:6], background=rows, target=[0, 0])
    with pytest.raises(unmask.SettingError, match="X has no row"):
        adapters.importance(linear(weights), rows[:0], background=rows)


def test_importance_takes_data_frames_and_classes():
    pandas = pytest.importorskip("pandas")
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    frame = pandas.DataFrame(rng.normal(size=(60, 3)), columns=["size", "age", "floor"])
    model = LogisticRegression().fit(frame, np.where(frame["age"] > 0, "old", "new"))
    found = adapters.importance(model, frame.iloc[:4], background=frame, target="old")
    assert found.feature_names.tolist() == ["size", "age", "floor"]
    assert found.importances_mean.argmax() == 1


def test_mlflow_has_numbers_and_figures(two, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow.set_tracking_uri(tmp_path.as_uri())
    mlflow.set_experiment("maps")
    with mlflow.start_run() as run:
        adapters.log_mlflow(two, step=2)
    metrics = mlflow.get_run(run.info.run_id).data.metrics
    assert metrics["unmask/masks"] == 256
    assert metrics["unmask/class 1/reliability"] == pytest.approx(two.reliabilities[1])
    files = {path.name for path in tmp_path.rglob("*.png")}
    assert files == {"class 0.png", "class 1.png"}


def test_tensorboard_has_numbers_and_figures(two, tmp_path, monkeypatch):
    pytest.importorskip("tensorboard")
    # TensorBoard's own sign that it shall do without TensorFlow, which takes seconds to import.
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", ModuleType("notf"))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path)) as writer:
        adapters.log_tensorboard(two, writer, step=2)
    read = EventAccumulator(str(tmp_path)).Reload()
    assert read.Tags()["images"] == ["unmask/class 0/figure", "unmask/class 1/figure"]
    (score,) = read.Scalars("unmask/class 1/score")
    assert score.step == 2
    assert score.value == pytest.approx(two.targets[1].score, rel=1e-5)


def test_weights_and_biases_has_numbers_and_figures(two, tmp_path, monkeypatch):
    wandb = pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_SILENT", "true")
    logged = []
    run = wandb.init(mode="disabled", dir=tmp_path)
    monkeypatch.setattr(run, "log", lambda numbers, step: logged.append((numbers, step)))
    adapters.log_wandb(two, run=run, step=2)
    ((numbers, step),) = logged
    assert step == 2
    assert numbers["unmask/class 0/score"] == pytest.approx(two.targets[0].score)
    assert isinstance(numbers["unmask/class 1/figure"], wandb.Image)
    run.finish()


def test_fiftyone_has_a_heatmap_around_zero(two):
    pytest.importorskip("fiftyone", reason="FiftyOne brings a database server of its own")
    found = adapters.to_heatmap(two, 1)
    np.testing.assert_allclose(found.map, two.maps[1] - two.levels[1], atol=1e-6)
    assert found.range[0] == -found.range[1] == pytest.approx(-np.abs(found.map).max())


def test_labels_that_are_alike_have_keys_of_their_own(two):
    from dataclasses import replace

    same = tuple(replace(target, label="cat: 1/2?") for target in two.targets)
    tags = []

    class Writer:
        def add_scalar(self, tag, *_):
            tags.append(tag)

        def add_image(self, tag, *_, dataformats):
            tags.append(tag)

    adapters.log_tensorboard(replace(two, targets=same), Writer())
    assert len(tags) == len(set(tags)) == 7
    assert "unmask/cat_ 1_2_/score" in tags

"""One more call before the masks: batches that mix, inputs that are not told apart, identities."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import unmask
from helpers.toy_models import slopes
from unmask.errors import FileError, ModelError, SettingError
from unmask.inputs import ArraySample, InputSpec
from unmask.run.identity import Identity, identity

SIDES = (12, 20)
SETTINGS = {"masks": 96, "grid": 3}


@pytest.fixture
def picture():
    return slopes()


def corners(batch):
    parts = batch[:, :5, :8], batch[:, 7:, 12:]
    return np.stack([part.mean(axis=(1, 2, 3)) / 255 for part in parts], axis=1)


# --- nothing that a model does spoils what it is shown ---


def writes(batch):
    scores = corners(batch)
    batch *= 0
    batch -= 7
    return scores


def test_a_model_may_write_over_its_input(picture):
    before = picture.copy()
    calm = unmask.explain(corners, picture, [0, 1], **SETTINGS)
    wild = unmask.explain(writes, picture, [0, 1], **SETTINGS)
    assert calm.maps.tobytes() == wild.maps.tobytes()
    assert np.array_equal(picture, before)
    assert np.array_equal(calm.picture, wild.picture)
    assert unmask.predict(writes, picture) == [
        dataclasses.replace(one) for one in unmask.predict(corners, picture)
    ]


def test_a_model_may_write_over_its_input_also_under_metrics(picture):
    for layout, values in (("NHWC", picture), ("NCHW", picture.transpose(2, 0, 1) / 255)):
        raw = values is not picture
        found = []
        for model in (corners, writes):
            loaded = unmask.load(
                model if not raw else lambda batch, m=model: m(batch.transpose(0, 2, 3, 1)),
                layout=layout,
                channels=3,
            )
            case = unmask.metrics.case(loaded, values, 0)
            ranks = np.arange(np.prod(SIDES)).reshape(SIDES)
            found.append(
                (
                    unmask.metrics.deletion(case, ranks).area,
                    unmask.metrics.insertion(case, ranks).area,
                    unmask.metrics.shown_score(case, ranks),
                )
            )
        assert found[0] == found[1]


def test_the_callers_own_array_stays_what_it_was():
    array = np.random.default_rng(0).random((*SIDES, 3)).astype(np.float32)
    before = array.copy()
    explanation = unmask.explain(writes, array, 0, **SETTINGS)
    assert np.array_equal(array, before)
    run = unmask.prepare(corners, array, 0, **SETTINGS)
    array[:] = 0  # nor does a run change with it
    *_, last = unmask.stream(run)
    assert np.array_equal(run.explanation(last).map, explanation.map)


def test_a_torch_module_may_write_over_its_input():
    torch = pytest.importorskip("torch")

    class Inplace(torch.nn.Module):
        def forward(self, x):
            scores = torch.stack([x[:, :, :5, :8].mean((1, 2, 3)), x[:, 1].mean((1, 2))], 1)
            x.zero_()
            return scores

    class Calm(Inplace):
        def forward(self, x):
            return super().forward(x.clone())

    values = np.random.default_rng(0).random((3, *SIDES)).astype(np.float32)
    one, other = (
        unmask.explain(unmask.load(kind(), preprocess="raw"), values, 0, **SETTINGS)
        for kind in (Calm, Inplace)
    )
    assert one.map.tobytes() == other.map.tobytes()


def test_a_model_may_hand_out_the_same_memory_again(picture):
    memory = np.empty((1, 2))

    def reused(batch):
        memory[:] = corners(batch)
        return memory

    calm = unmask.explain(unmask.load(corners, name="m"), picture, [0, 1], **SETTINGS)
    one_by_one = dataclasses.replace(unmask.load(reused, name="m"), batch=1)
    again = unmask.explain(one_by_one, picture, [0, 1], **SETTINGS)
    assert again.targets == calm.targets
    np.testing.assert_array_equal(again.estimate.scores, calm.estimate.scores)


def test_a_detector_may_hand_out_the_same_memory_again(picture):
    boxes, scores = np.zeros((1, 4)), np.zeros((1, 1))

    def reused(batch):
        found = []
        for one in batch:
            boxes[:], scores[:] = [2, 1, 9 + one[0, 0, 0] / 255, 8], one.mean() / 255
            found.append(unmask.models.detections.Detections(boxes, scores))
        return found

    def fresh(batch):
        return [
            unmask.models.detections.Detections(one.boxes.copy(), one.scores.copy())
            for image in batch
            for one in reused(image[None])
        ]

    one, other = (
        unmask.explain(
            unmask.load(model, detector="function", threshold=0.1, name="m"), picture, **SETTINGS
        )
        for model in (fresh, reused)
    )
    assert one.estimate.scores.tobytes() != b""
    np.testing.assert_array_equal(one.estimate.scores, other.estimate.scores)


# --- a batch that mixes ---


def over_the_batch(batch):
    powers = np.exp(60 * corners(batch))
    return powers / powers.sum(axis=0)


def normalized_over_the_batch(batch):
    scores = corners(batch)
    return (scores - scores.mean(axis=0)) / (scores.std(axis=0) + 0.1)


@pytest.mark.parametrize("model", [over_the_batch, normalized_over_the_batch])
@pytest.mark.parametrize("size", [3, 4, 32])
def test_scores_that_depend_on_the_rest_of_the_batch_are_noted(picture, model, size):
    said = unmask.load(model, activation="logits")
    explanation = unmask.explain(said, picture, 0, batch_size=size, **SETTINGS)
    assert any("depend on the rest of the batch" in note for note in explanation.notes)
    alone = unmask.explain(said, picture, 0, batch_size=1, **SETTINGS)
    assert not any("rest of the batch" in note for note in alone.notes)


def test_the_same_scores_in_any_batch_are_no_reason_for_a_note(picture):
    for size in (1, 2, 3, 32):
        explanation = unmask.explain(corners, picture, 0, batch_size=size, **SETTINGS)
        assert not any("batch" in note for note in explanation.notes)


def test_a_batch_that_is_fixed_inside_says_what_to_do(picture):
    def fixed(batch):
        return corners(batch.reshape(1, *SIDES, 3))

    with pytest.raises(ModelError, match="batch_size=1"):
        unmask.explain(fixed, picture, 0, **SETTINGS)
    one_by_one = unmask.explain(fixed, picture, 0, batch_size=1, **SETTINGS)
    assert np.array_equal(
        one_by_one.map, unmask.explain(corners, picture, 0, batch_size=1, **SETTINGS).map
    )


def test_a_model_that_fails_on_nothing_to_see_is_left_to_the_masks(picture):
    def picky(batch):
        if any(np.ptp(one) == 0 for one in batch):
            raise ValueError("nothing to see")
        return corners(batch)

    assert unmask.explain(picky, picture, 0, fill="black", **SETTINGS).masks == 96


# --- inputs that are not told apart ---


def test_nan_where_nothing_is_to_be_seen_is_noted(picture):
    def normalized(batch):
        spread = batch.std(axis=(1, 2), keepdims=True)
        with np.errstate(all="ignore"):
            return corners((batch - batch.mean(axis=(1, 2), keepdims=True)) / spread)

    run = unmask.prepare(unmask.load(normalized, activation="logits"), picture, 0, **SETTINGS)
    assert any("NaN" in note for note in run.notes)


def test_a_model_that_sees_no_difference_is_noted(picture):
    blind = np.linspace(0.1, 0.4, 5)

    def nearly_blind(batch):
        return np.tile(blind, (len(batch), 1)) + 0.001 * corners(batch)[:, :1]

    def sees(batch):
        return np.concatenate([corners(batch), 1 - corners(batch)], axis=1) ** 9

    says = "hardly tells this picture from a plain one and from noise"
    assert any(says in note for note in unmask.prepare(nearly_blind, picture, **SETTINGS).notes)
    assert not any(says in note for note in unmask.prepare(sees, picture, **SETTINGS).notes)
    with pytest.warns(unmask.errors.DoubtWarning, match="hardly tells"):
        unmask.predict(nearly_blind, picture)


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.integers(0, 99))
def test_noise_has_the_values_of_the_input_turned_over(height, width, channels, seed):
    array = np.random.default_rng(seed).integers(0, 99, (height, width, channels))
    middle, found = ArraySample(array.astype(np.float32), InputSpec()).controls()
    low, high = array.min(axis=(0, 1)), array.max(axis=(0, 1))
    for channel in range(channels):
        turned = low[channel] + high[channel] - array[..., channel]
        assert sorted(found[..., channel].ravel()) == sorted(turned.ravel())
    assert middle.shape == array.shape
    np.testing.assert_array_equal(middle, np.broadcast_to((low + high) / 2, array.shape))


# --- scores belong to the model that made them ---


def trained(batch):
    return corners(batch)


def trained_again(batch):
    return corners(batch[:, ::-1, ::-1]) ** 1.1


trained_again.__name__ = trained_again.__qualname__ = "trained"


def test_a_checkpoint_of_another_model_is_refused(tmp_path, picture):
    path = tmp_path / "c"
    unmask.explain(trained, picture, 0, checkpoint=path, **SETTINGS)
    before = path.read_bytes()
    with pytest.raises(FileError, match=r"another run: trained is not the model.*left as it is"):
        unmask.explain(trained_again, picture, 0, checkpoint=path, **SETTINGS)
    assert path.read_bytes() == before
    unmask.explain(trained, picture, 0, checkpoint=path, **SETTINGS)


def test_shards_of_two_models_do_not_merge(picture):
    one = unmask.explain(trained, picture, 0, shard=(1, 2), **SETTINGS)
    other = unmask.explain(trained_again, picture, 0, shard=(2, 2), **SETTINGS)
    with pytest.raises(SettingError, match=r"cannot merge: .*another model"):
        one.merge(other)


def test_a_model_trained_further_is_not_gone_on_with(tmp_path, picture):
    weight = [1.0]

    def live(batch):
        return corners(batch) * weight[0]

    explanation = unmask.explain(live, picture, 0, **SETTINGS)
    weight[0] = 0.5
    with pytest.raises(SettingError, match="is not the model of these scores"):
        explanation.extend(96)
    with pytest.raises(SettingError, match="another model"):
        unmask.extend(explanation, live, masks=96)
    weight[0] = 1.0
    assert explanation.extend(96).masks == 192
    path = explanation.save(tmp_path / "e.npz")
    loaded = unmask.Explanation.load(path)
    assert loaded.identity == explanation.identity
    assert unmask.extend(loaded, live, masks=96).masks == 192


def test_a_model_that_differs_only_where_the_picture_is_not_is_another(picture):
    # As saturated networks do: the same score of the picture, other scores of anything else.
    whole = float(corners(picture[None].astype(np.float32))[0, 0])

    def same_here(batch):
        scores = corners(batch)
        seen = np.isclose(scores[:, :1], whole)
        return np.where(seen, scores, scores * 0.5)

    same_here.__name__ = same_here.__qualname__ = "trained"
    one = unmask.explain(trained, picture, 0, shard=(1, 2), **SETTINGS)
    other = unmask.explain(same_here, picture, 0, shard=(2, 2), **SETTINGS)
    assert one.targets == other.targets
    with pytest.raises(SettingError, match="cannot merge: trained is not the model"):
        one.merge(other)


def test_a_files_digest_tells_it_from_another(tmp_path, onnx_models, picture):
    weights = np.random.default_rng(0).random((3, 4))
    path = onnx_models.linear(tmp_path / "m.onnx", weights)
    options = {"preprocess": "unit", "activation": "logits"}
    one = unmask.explain(unmask.load(path, **options), picture, 0, shard=(1, 2), **SETTINGS)
    assert len(one.identity.digest) == 64
    other = np.concatenate([weights[:, :1], weights[:, 1:] + 1e-6], axis=1)
    onnx_models.linear(path, other)  # says the same, to six digits
    again = unmask.explain(unmask.load(path, **options), picture, 0, shard=(2, 2), **SETTINGS)
    with pytest.raises(SettingError, match=r"the file of m\.onnx is another"):
        one.merge(again)


def test_another_preprocessing_is_another_input(tmp_path, onnx_models, picture):
    path = onnx_models.linear(tmp_path / "m.onnx", np.zeros((3, 4)), bias=np.arange(4.0))
    parts = [
        unmask.explain(
            unmask.load(path, preprocess=name, activation="logits"),
            picture,
            0,
            shard=(i, 2),
            **SETTINGS,
        )
        for i, name in ((1, "unit"), (2, "torch"))
    ]
    with pytest.raises(SettingError, match=r"shown something else.*preprocess="):
        parts[0].merge(parts[1])


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
    st.floats(-0.01, 0.01),
)
def test_small_differences_of_other_machines_are_no_other_model(scores, off):
    then = Identity(scores=tuple(scores), best=tuple(scores))
    near = tuple(score * (1 + off) for score in scores)
    then.check_same(Identity(scores=near, best=near), "m")
    assert Identity.of_json(then.as_json()) == then


def test_an_identity_knows_where_an_input_is_bright():
    array = np.zeros((16, 4, 1), np.float32)
    array[3, 1] = 1
    moved = np.roll(array, 7, axis=0)
    one, other = (identity("", each, [0.5], None) for each in (array, moved))
    with pytest.raises(SettingError, match="shown something else"):
        one.check_same(other, "m")

"""Model files of kilobytes that ask for gigabytes, or hold themselves: refused before building."""

import importlib.util
import io
import json
import math
import warnings
import zipfile

import numpy as np
import pytest

from unmask.errors import ModelError
from unmask.models import bounds

MEGABYTES = 200  # that a refusal may take


@pytest.fixture(autouse=True)
def little_memory(more_memory):
    yield
    assert more_memory() < MEGABYTES


def packed(path, members, packing=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(scope="module")
def zeros():
    """A deflated stream of a quarter of a gigabyte, as a member of an archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with archive.open("archive/data/0", "w", force_zip64=True) as member:
            for _ in range(16):
                member.write(bytes(2**24))
        archive.writestr("archive/version", "3\n")
    return buffer.getvalue()


@pytest.mark.slow
def test_an_archive_that_unpacks_to_much_is_refused(tmp_path, zeros):
    bomb = tmp_path / "bomb.pt"
    bomb.write_bytes(zeros)
    with pytest.raises(ModelError, match=r"unpacks to 256 MB, and is one of 1.\d MB"):
        bounds.check_archive(bomb)
    bounds.check_archive(packed(tmp_path / "plain.pt", {"a": bytes(9)}))
    (tmp_path / "none.pt").write_bytes(b"PK is no archive")
    bounds.check_archive(tmp_path / "none.pt")


# --- PyTorch


def saved(torch, path, content):
    torch.save(content, path)
    return path


@pytest.mark.slow
def test_weights_that_hold_themselves_or_unpack_to_much(tmp_path, zeros):
    torch = pytest.importorskip("torch")
    from unmask.models.torch.weights import read_weights

    own = {"model": None}
    own["model"] = own
    turn = {"state_dict": {"model": None}}
    turn["state_dict"]["model"] = turn
    entries = []
    entries.append(entries)
    deep = {"state_dict": torch.zeros(3)}
    for _ in range(50):
        deep = {"state_dict": deep}
    for number, content in enumerate((own, turn, {"a": entries}, deep, {"model": entries})):
        path = saved(torch, tmp_path / f"{number}.pt", content)
        with pytest.raises(ModelError, match="holds no weights"):
            read_weights(path)
    bomb = tmp_path / "bomb.pt"
    bomb.write_bytes(zeros)
    with pytest.raises(ModelError, match="unpacks to 256 MB"):
        read_weights(bomb)
    weights = {"state_dict": {"a": torch.ones(2, 3)}}
    assert list(read_weights(saved(torch, tmp_path / "good.pt", weights))) == ["a"]


# --- Keras, on TensorFlow; tests/models/test_keras.py does it on the other backends


@pytest.fixture(scope="module")
def keras():
    if importlib.util.find_spec("keras") is None or importlib.util.find_spec("tensorflow") is None:
        pytest.skip("keras or tensorflow is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the framework, about itself
        import keras

        return keras


@pytest.fixture(scope="module")
def members(keras, tmp_path_factory):
    """What is in the file of a small model."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = keras.Sequential(
            [
                keras.Input((8, 12, 3)),
                keras.layers.Conv2D(4, 3),
                keras.layers.UpSampling2D(size=2),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dropout(0.5),
                keras.layers.Dense(7, activation="relu"),
                keras.layers.Dense(5),
            ]
        )
        path = tmp_path_factory.mktemp("keras") / "small.keras"
        model.save(path)
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def changed(path, members, old, new):
    layers = json.dumps(json.loads(members["config.json"]))
    assert old in layers
    return packed(path, {**members, "config.json": layers.replace(old, new)})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"units": 7', '"units": 1000000000', r"has layers of [\d,]+ MB, and is one of 0.0 MB"),
        ('"units": 7', '"units": 40000', None),  # a little, as far as it is built: no message yet
        ('"kernel_size": [3, 3]', '"kernel_size": [5, 3]', None),
        ('"size": [2, 2]', '"size": [20000, 20000]', r"a layer puts out [\d,]+ numbers"),
        ('"filters": 4', '"filters": 100000000', r"has layers of [\d,]+ MB"),
        ('"units": 5', '"units": "many"', None),
        ('"class_name": "Dense"', '"class_name": "Lambda"', None),
    ],
)
def test_layers_are_of_the_size_of_their_weights(keras, members, tmp_path, old, new, words):
    path = changed(tmp_path / "changed.keras", members, old, new)
    if words is None:
        bounds.check_keras(keras, path)
        return
    with pytest.raises(ModelError, match=words):
        bounds.check_keras(keras, path)


@pytest.mark.slow
def test_arrays_that_are_declared_and_not_there(keras, members, tmp_path):
    import h5py

    buffer = io.BytesIO(members["model.weights.h5"])
    with h5py.File(buffer, "a") as file:
        file.create_dataset("layers/huge", shape=(40_000, 40_000), dtype="f4", chunks=(64, 64))
    path = packed(tmp_path / "h5.keras", {**members, "model.weights.h5": buffer.getvalue()})
    with pytest.raises(ModelError, match=r"holds arrays of 6,104 MB"):
        bounds.check_keras(keras, path)


@pytest.mark.parametrize(
    "change",
    [
        {"config.json": b"["}, {"config.json": b"[" * 100_000}, {"config.json": b"\xff"},
        {"config.json": b"[1]"}, {"config.json": b'{"class_name": 5}'},
        {"model.weights.h5": b""}, {"model.weights.h5": b"\x89HDF\r\n\x1a\n" + bytes(99)},
    ],
    ids=range(7),
)  # fmt: skip
@pytest.mark.slow
@pytest.mark.usefixtures("keras")
def test_files_that_are_none(members, tmp_path, change):
    from unmask.models.keras.model import from_keras_file

    path = packed(tmp_path / "bad.keras", {**members, **change})
    with pytest.raises(ModelError):
        from_keras_file(path)


@pytest.mark.slow
def test_a_good_file_is_built_without_its_variables_and_then_whole(keras, members, tmp_path):
    from keras.src.backend.common import global_state

    path = packed(tmp_path / "good.keras", members)
    before = list(global_state.get_global_attribute("uninitialized_variables") or [])
    bounds.check_keras(keras, path)
    assert list(global_state.get_global_attribute("uninitialized_variables") or []) == before
    config = json.loads(members["config.json"])
    variables, output = bounds._built(keras, config)
    model = keras.saving.load_model(path, compile=False)
    # Dropout's counter is a variable as well.
    assert 4 * model.count_params() <= variables <= 4 * model.count_params() + 64
    assert output == math.prod(model.layers[1].output.shape[1:])


@pytest.mark.slow
def test_weights_are_read_as_they_were(keras, members, tmp_path):
    from unmask.models.keras.model import from_keras_file

    path = packed(tmp_path / "good.keras", members)
    picture = np.random.default_rng(0).uniform(size=(2, 8, 12, 3)).astype(np.float32)
    expected = keras.saving.load_model(path, compile=False).predict_on_batch(picture)
    got = from_keras_file(path, preprocess="raw")(picture)
    np.testing.assert_allclose(got, expected, rtol=1e-6)

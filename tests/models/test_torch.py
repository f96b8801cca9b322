"""PyTorch modules: where masks are made, what is left as it was, and files of weights."""

import threading
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.later import later
from helpers.reading import prepare
from unmask.errors import DoubtWarning, MissingExtra, ModelError, SettingError, UnmaskWarning

torch, nn, networks = later("torch"), later("torch.nn"), later("helpers.torch_networks")
pytestmark = pytest.mark.usefixtures("one_torch_thread")

H, W = 12, 20


@pytest.fixture
def net():
    torch.manual_seed(3)
    return networks.Net()


@pytest.fixture
def values():
    return np.random.default_rng(1).normal(size=(3, H, W)).astype(np.float32)


def explained(model, values, **options):
    options = {"masks": 80, "grid": (3, 4), "batch_size": 24, "seed": 5} | options
    return unmask.explain(model, values, [1, 2], **options)


def load(module, **options):
    return unmask.load(module, **{"preprocess": "raw", "activation": "logits"} | options)


# --- what the module computes, and what is left as it was ---


def test_scores_are_those_of_the_module_in_evaluation_mode(net, values):
    model = load(net)
    net.train()
    values.setflags(write=False)
    got = model(values[None])
    values.setflags(write=True)
    net.eval()
    with torch.no_grad():
        expected = net(torch.from_numpy(values[None])).numpy()
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=1e-5)
    assert (model.name, model.input.layout, model.input.channels) == ("Net", "NCHW", 3)
    assert model.versions == {"torch": torch.__version__}
    assert all(seen.inference for seen in net.seen[:1])


def test_training_flags_and_statistics_are_left_as_they_were(net, values):
    net.train()
    net.stem[1].eval()  # a frozen norm, as in fine-tuning
    before = [part.training for part in net.modules()]
    state = {name: value.clone() for name, value in net.state_dict().items()}
    explained(load(net), values)
    assert [part.training for part in net.modules()] == before
    assert True in before
    assert False in before
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    assert all(parameter.requires_grad for parameter in net.parameters())


def test_training_flags_are_put_back_after_a_failure(net, values):
    net.train()
    model = load(net, channels=6)
    with pytest.raises(ModelError, match=r"failed on the whole input of shape \(1, 6, 12, 20\)"):
        explained(model, np.concatenate([values, values]))
    assert all(part.training for part in net.modules())


def test_an_eval_of_the_modules_own_is_undone_by_its_train(values):
    class Merging(networks.Net):
        merged = False

        def train(self, mode=True):
            self.merged = not mode
            return super().train(mode)

        def forward(self, x):
            assert self.merged
            return super().forward(x)

    net = Merging()
    explained(load(net), values)
    assert net.training
    assert not net.merged


def test_threads_do_not_mix_up_the_flags(net, values):
    model = load(net)
    expected = model(values[None])
    net.train()
    results = []

    def work():
        results.extend(model(values[None]) for _ in range(30))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(part.training for part in net.modules())
    assert len(results) == 120
    assert np.allclose(results, expected, rtol=1e-5)


# --- where masks are made ---


def test_the_map_is_that_of_the_same_function_in_numpy(values):
    torch.manual_seed(0)
    head = nn.Linear(3 * H * W, 3)
    weights, bias = head.weight.detach().numpy(), head.bias.detach().numpy()
    module = nn.Sequential(nn.Flatten(), head)

    def function(batch):
        return batch.reshape(len(batch), -1) @ weights.T + bias

    one = explained(load(module), values)
    two = explained(unmask.load(function, layout="NCHW", activation="logits"), values)
    np.testing.assert_allclose(one.maps, two.maps, atol=1e-5)
    assert np.ptp(one.maps) > 0.01


def on_a_device(model, sent):
    """The model as on a GPU: masks are made of tensors, and what is sent there is counted."""

    def send(array):
        sent.append(array.nbytes)
        return torch.tensor(array)

    return replace(model, asarray=send)


def test_masks_are_made_of_tensors_and_only_grids_and_shifts_travel(net, values):
    sent = []
    expected = explained(load(net), values)
    assert all(seen.x.device.type == "cpu" for seen in net.seen)
    net.seen.clear()
    model = on_a_device(load(net), sent)
    run = unmask.prepare(model, values, [1, 2], masks=80, grid=(3, 4), batch_size=24, seed=5)
    stream = unmask.stream(run)
    next(stream)
    once = len(sent)
    rest = list(stream)
    # Four batches; float32 grids of 3 x 4 cells, int64 shifts along two axes.
    grids, shifts = [24 * 12 * 4, 24 * 12 * 4, 8 * 12 * 4], [24 * 16, 24 * 16, 8 * 16]
    assert sent[once:] == [size for pair in zip(shifts, grids, strict=True) for size in pair]
    assert sent.count(values.nbytes) == 2  # for the whole input, and to be masked
    got = run.explanation(rest[-1])
    np.testing.assert_allclose(got.maps, expected.maps, atol=1e-6)


@pytest.mark.parametrize("dims", [1, 2, 3])
def test_series_pictures_and_volumes(dims):
    torch.manual_seed(0)
    shape = (2, 9, 11, 7)[: 1 + dims]
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    net = networks.Net(dims, channels=2)
    model = unmask.load(net, preprocess="raw", activation="logits")
    assert model.input.layout == ("NCT", "NCHW", "NCDHW")[dims - 1]
    assert model.input.channels == 2
    options = {"masks": 64, "grid": 2, "seed": 1}
    got = unmask.explain(model, values, 0, **options)
    assert got.map.shape == shape[1:]
    tensors = unmask.explain(on_a_device(model, []), values, 0, **options)
    np.testing.assert_allclose(got.map, tensors.map, atol=1e-6)


def test_a_series_says_nothing_about_pixels():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = unmask.load(networks.Net(1, channels=2))
    assert model.input.preprocess.name == "raw"
    assert model.notes == ()


def test_a_gray_model_takes_pictures_and_arrays_without_a_channel(picture):
    torch.manual_seed(0)
    model = unmask.load(networks.Net(channels=1), size=(8, 10), activation="logits")
    assert model.input.channels == 1
    assert model.input.preprocess.name == "unit"
    with pytest.warns(UnmaskWarning, match="assumed preprocess='unit'"):
        why = unmask.explain(model, picture, 0, masks=64, grid=2)
    assert why.map.shape == picture.shape[:2]
    given = prepare(model, np.zeros((8, 10), np.float32), "raw")
    assert given.array.shape == (1, 8, 10)


# --- number formats ---


@pytest.mark.parametrize("named", [True, False])
def test_autocast_computes_in_the_type_and_returns_float32(net, values, named):
    autocast = "bfloat16" if named else torch.bfloat16
    exact = load(net)(values[None])
    net.seen.clear()
    got = load(net, autocast=autocast)(values[None])
    assert net.seen[0].hidden == torch.bfloat16
    assert net.seen[0].x.dtype == torch.float32
    assert got.dtype == np.float32
    assert np.allclose(got, exact, atol=0.02)
    assert not np.array_equal(got, exact)


@pytest.mark.parametrize(("dtype", "scores"), [("bfloat16", np.float32), ("float64", np.float64)])
def test_a_module_gets_its_own_type(net, values, dtype, scores):
    dtype = getattr(torch, dtype)
    got = load(net.to(dtype))(values[None])
    assert net.seen[0].x.dtype == dtype
    assert got.dtype == scores


@pytest.mark.parametrize(("dims", "form"), [(2, "channels_last"), (3, "channels_last_3d")])
def test_channels_last(dims, form):
    torch.manual_seed(0)
    net, form = networks.Net(dims), getattr(torch, form)
    batch = np.random.default_rng(0).normal(size=(2, 3, 5, 6, 7)[: 2 + dims]).astype(np.float32)
    expected = load(net)(batch)
    net.seen.clear()
    got = load(net, channels_last=True)(batch)
    assert net.seen[0].x.is_contiguous(memory_format=form)
    assert net.stem[0].weight.is_contiguous(memory_format=form)
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


# --- outputs ---


@pytest.mark.parametrize(
    ("make", "read"),
    [
        (lambda s: {"scores": s, "more": (s, s)}, lambda out: out["more"][1][:, 1]),
        (lambda s: (s, s + 1), lambda out: out[0][:, 1]),
        (lambda s: [s, s + 1, s], lambda out: out[2][:, 1]),
        (lambda s: SimpleNamespace(logits=s), lambda out: out[:, 1]),
        (lambda s: s[:, :, None, None], lambda out: out[:, 1]),
    ],
    ids=["dict", "tuple", "list", "logits", "pooled"],
)
def test_outputs_of_any_form_come_back_as_numpy(values, make, read):
    expected = explained(load(networks.Gives(lambda s: s), layout="NCHW"), values)
    seen = []

    def target(outputs):
        seen.append(read(outputs))
        return seen[-1]

    model = load(networks.Gives(make))
    got = unmask.explain(model, values, target, masks=80, grid=(3, 4), batch_size=24, seed=5)
    assert all(isinstance(one, np.ndarray) for one in seen)
    np.testing.assert_array_equal(got.map, expected.maps[0])


def test_out_of_memory_names_the_batch_size(values):
    class Full(nn.Module):
        def forward(self, x):
            if len(x) > 4:
                raise torch.OutOfMemoryError("tried to allocate")
            return x.mean((2, 3))

    with pytest.raises(ModelError, match=r"out of memory on cpu for a batch of 24.*batch_size"):
        explained(load(Full()), values)


# --- programs ---


def test_scripted_modules(net, values):
    # The model must not keep what it sees, and scripting is deprecated but there.
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem, self.head = net.stem, net.head

        def forward(self, x):
            return self.head(self.stem(x).mean((2, 3)))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        scripted = torch.jit.script(Plain())
    scripted.train()
    model = load(scripted)
    assert (model.input.layout, model.input.channels) == ("NCHW", 3)
    np.testing.assert_allclose(model(values[None]), load(net)(values[None]), rtol=1e-5)
    assert all(part.training for part in scripted.modules())


@pytest.mark.slow
def test_exported_programs(values):
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(720, 3)).eval()
    free = torch.export.Dim("n", max=512)
    program = torch.export.export(plain, (torch.zeros(2, 3, H, W),), dynamic_shapes=({0: free},))
    model = load(program)
    assert (model.batch, model.input.channels, model.input.size) == (None, 3, (H, W))
    np.testing.assert_allclose(
        explained(model, values).maps, explained(load(plain), values).maps, atol=1e-6
    )
    fixed = load(torch.export.export(plain, (torch.zeros(2, 3, H, W),)))
    assert fixed.batch == 2
    np.testing.assert_allclose(fixed(values[None]), load(plain)(values[None]), rtol=1e-5)
    with pytest.raises(SettingError, match="holds its own"):
        load(program, weights="w.pt")


@pytest.mark.slow
def test_a_module_runs_as_onnx(net, values):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    net.train()
    own = load(net, size=(H, W))
    faster = load(net, size=(H, W), runtime="onnx")
    assert "onnxruntime" in faster.versions
    assert all(part.training for part in net.modules())
    np.testing.assert_allclose(
        explained(faster, values).maps, explained(own, values).maps, atol=1e-5
    )


# --- what is declared, and by whom ---


def test_undeclared_pixels_are_assumed_and_said(net, picture):
    with pytest.warns(UnmaskWarning, match=r"assumed preprocess='torch', and pictures at their"):
        why = unmask.explain(unmask.load(net, activation="logits"), picture, 0, masks=64, grid=2)
    assert why.plan.masks.shape == picture.shape[:2]
    with pytest.warns(UnmaskWarning, match="look like logits.*softmax"):
        unmask.predict(unmask.load(net, preprocess="tf"), picture)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DoubtWarning)  # weights drawn at random tell nothing apart
        unmask.predict(unmask.load(net, preprocess="tf", activation="softmax"), picture)
        unmask.predict(unmask.load(net, mean=0.5, std=0.25, activation="softmax"), picture)


def torchvision_transforms(**changes):
    # What torchvision.transforms._presets.ImageClassification carries.
    given = {
        "crop_size": [224],
        "resize_size": [232],
        "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225],
        "interpolation": SimpleNamespace(name="BILINEAR", value="bilinear"),
        "antialias": True,
    }
    return SimpleNamespace(**given | changes)


def test_torchvisions_transforms_are_read(net):
    model = unmask.load(net, processor=torchvision_transforms())
    assert (model.input.size, model.input.resize, model.input.crop) == (
        (224, 224),
        "crop",
        224 / 232,
    )
    assert model.input.interpolation == "bilinear"
    assert model.notes == ()
    assert model.input.preprocess.centered
    pixels = np.random.default_rng(0).uniform(0, 255, (5, 7, 3)).astype(np.float32)
    expected = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    np.testing.assert_allclose(model.input.preprocess(pixels), expected, atol=1e-5)
    # Scaled to 232 along the shorter side, then the middle: what Resize and CenterCrop do.
    scene = np.random.default_rng(0).integers(0, 256, (300, 450, 3), np.uint8)
    frame = prepare(model, scene).original.frame
    assert frame.box_back([0, 0, 224, 224]) == pytest.approx(
        np.array([348 / 2 - 112, 4, 348 / 2 + 112, 228]) * 300 / 232, abs=0.01
    )
    weights = SimpleNamespace(transforms=torchvision_transforms, meta={"categories": list("abcd")})
    assert unmask.load(net, processor=weights).labels == tuple("abcd")


@pytest.mark.parametrize(
    ("config", "resize", "crop", "notes"),
    [
        ({"crop_pct": 0.95, "crop_mode": "center"}, "crop", 288 / 303, 0),
        ({"crop_pct": 1.0, "crop_mode": "squash"}, "squash", 1.0, 0),
        ({"crop_pct": 1.0, "crop_mode": "border"}, "letterbox", 1.0, 1),
        ({}, "crop", 288 / 329, 0),
    ],
)
def test_timms_configuration_is_read(config, resize, crop, notes):
    # What timm.data.resolve_model_data_config returns.
    given = {
        "input_size": (3, 288, 288),
        "interpolation": "bicubic",
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
    }
    model = unmask.load(networks.Net(), processor=given | config)
    assert (model.input.size, model.input.resize, model.input.interpolation) == (
        (288, 288),
        resize,
        "bicubic",
    )
    assert model.input.crop == pytest.approx(crop)
    assert len(model.notes) == notes
    pixels = np.full((1, 1, 3), 127.5, np.float32)
    np.testing.assert_allclose(model.input.preprocess(pixels), 0, atol=1e-6)


def test_what_no_processor_can_be_is_said(net):
    with pytest.raises(ModelError, match=r"processor is a dict: expected torchvision.*Hugging"):
        unmask.load(net, processor={"mean": 0})
    odd = torchvision_transforms(interpolation="hamming")
    with pytest.warns(UnmaskWarning, match="'hamming': 'bilinear' is used"):
        unmask.predict(
            unmask.load(net, processor=odd, activation="softmax"), np.zeros((30, 40, 3), np.uint8)
        )


def test_what_the_user_says_comes_first(net):
    model = unmask.load(
        net,
        processor=torchvision_transforms(),
        preprocess="tf",
        size=(30, 40),
        resize="stretch",
        labels=list("abcd"),
        name="mine",
    )
    assert (model.input.preprocess.name, model.input.size, model.input.resize) == (
        "tf",
        (30, 40),
        "stretch",
    )
    assert (model.labels, model.name) == (tuple("abcd"), "mine")


NO_VISION = "needs torchvision, whose wheels do not load beside the CPU build of torch"


def test_timm_by_name(tmp_path, picture):
    timm = pytest.importorskip("timm", reason=f"timm {NO_VISION}")
    path = tmp_path / "weights.pth"
    for name in ("resnet18", "vit_tiny_patch16_224"):
        net = timm.create_model(name, pretrained=False).eval()
        torch.save(net.state_dict(), path)
        model = unmask.load(f"timm:{name}", weights=path)
        assert (model.input.size, model.classes, model.activation) == ((224, 224), 1000, "softmax")
        assert model.labels[386].startswith("African elephant")
        config = timm.data.resolve_model_data_config(net)
        theirs = timm.data.create_transform(**config)(Image.fromarray(picture))
        assert np.abs(prepare(model, picture).array - theirs.numpy()).mean() < 1e-4
        with torch.no_grad():
            scores = net(theirs[None]).softmax(1).numpy()
        np.testing.assert_allclose(model(theirs.numpy()[None]), scores, atol=1e-6)
    with pytest.raises(ModelError, match="timm cannot build 'no_such_net'"):
        unmask.load("timm:no_such_net")


def test_torchvisions_own_weights_prepare_pictures(picture):
    models = pytest.importorskip("torchvision.models", reason=NO_VISION)
    weights = models.MobileNet_V3_Small_Weights.DEFAULT
    model = unmask.load(models.mobilenet_v3_small(), processor=weights, activation="softmax")
    assert model.labels == tuple(weights.meta["categories"])
    theirs = weights.transforms()(Image.fromarray(picture)).numpy()
    # It rounds to whole gray levels after resizing; 1/255 over a deviation of 0.225 is 0.0175.
    assert np.abs(prepare(model, picture).array - theirs).max() < 0.018


def test_a_missing_timm_names_its_extra(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "timm", None)
    with pytest.raises(MissingExtra, match=r"pip install 'unmask\[timm\]'"):
        unmask.load("timm:resnet50")


# --- files of weights ---


@pytest.fixture
def trained():
    torch.manual_seed(9)
    return networks.Net()


@pytest.mark.parametrize("form", ["plain", "state_dict", "model", "parallel", "safetensors"])
def test_weights_are_loaded_from_every_common_form(tmp_path, net, trained, values, form):
    state = trained.state_dict()
    path = tmp_path / ("w.safetensors" if form == "safetensors" else "w.pt")
    match form:
        case "safetensors":
            pytest.importorskip("safetensors.torch").save_file(state, path)
        case "parallel":
            torch.save({"module." + name: value for name, value in state.items()}, path)
        case "plain":
            torch.save(state, path)
        case _:
            torch.save({"epoch": 3, form: state}, path)
    model = load(net, weights=path)
    np.testing.assert_array_equal(model(values[None]), load(trained)(values[None]))


def test_weights_of_another_architecture_are_refused_whole(tmp_path, net, values):
    before = load(net)(values[None])
    other = networks.Net(channels=2, classes=7).state_dict()
    other["extra"] = torch.zeros(2)
    del other["stem.1.bias"]
    torch.save(other, tmp_path / "w.pt")
    with pytest.raises(ModelError) as error:
        load(net, weights=tmp_path / "w.pt")
    words = str(error.value)
    assert "does not fit Net: 1 missing (stem.1.bias); 1 unexpected (extra); 3 of another" in words
    assert "head.weight is (7, 6), expected (4, 6)" in words
    assert "\n" not in words
    np.testing.assert_array_equal(load(net)(values[None]), before)


class Danger:
    """Unpickling this would run code."""

    ran: list[int] = []  # noqa: RUF012

    def __reduce__(self):
        return (self.ran.append, (1,))


def test_nothing_is_unpickled(tmp_path, net):
    whole, danger, text = (tmp_path / name for name in ("whole.pt", "danger.pt", "text.pt"))
    torch.save(nn.Linear(2, 2), whole)
    torch.save({"state_dict": net.state_dict(), "x": Danger()}, danger)
    text.write_text("hello")
    for path, words in ((whole, "more than tensors"), (danger, "more than tensors")):
        with pytest.raises(ModelError, match=words) as error:
            load(net, weights=path)
        assert "\n" not in str(error.value)
    assert not Danger.ran
    torch.save([1, 2], text.with_suffix(".pth"))
    for path in (text, text.with_suffix(".pth")):
        with pytest.raises(ModelError, match=r"holds no weights|no file of weights|more than"):
            load(net, weights=path)
    with pytest.raises(ModelError, match="no file of weights at"):
        load(net, weights=tmp_path / "absent.pt")
    (tmp_path / "bad.safetensors").write_bytes(b"12345678")
    with pytest.raises(ModelError, match=r"no \.safetensors file"):
        load(net, weights=tmp_path / "bad.safetensors")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("w.pt", r"weights, which need their architecture: .*unmask\.load\(module, weights="),
        ("w.PTH", "need their architecture"),
        ("w.safetensors", "need their architecture"),
        ("w.pt2", r"exported program.*can run code.*unmask\.load\(torch\.export\.load\("),
    ],
)
def test_weights_alone_are_no_model(tmp_path, name, words):
    with pytest.raises(ModelError, match="no file at"):
        unmask.load(tmp_path / name)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(ModelError, match=words):
        unmask.load(str(tmp_path / name))


# --- wrong options ---


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"autocast": "float32"}, SettingError, "expected one of bfloat16, float16"),
        ({"device": "nowhere"}, ModelError, "device='nowhere'"),
        ({"texts": ["a"]}, SettingError, "texts= does not apply to a PyTorch module; .*autocast"),
        ({"layout": "CHW"}, SettingError, "layout='CHW'"),
    ],
)
def test_wrong_options(net, options, kind, words):
    with pytest.raises(kind, match=words) as error:
        unmask.load(net, **options)
    assert "\n" not in str(error.value)


def test_a_device_that_is_not_there(net):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ModelError, match="cannot move the model to device='cuda'"):
        unmask.load(net, device="cuda")


# --- a trained network looks where the evidence is ---


@pytest.mark.slow
def test_a_trained_network_is_credited_where_its_pattern_is():
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    ys, xs = np.mgrid[:8, :8]
    patterns = np.stack([(ys // 2 % 2), (xs // 2 % 2)]).astype(np.float32) * 2 - 1

    def scene(kind, y, x):
        image = rng.normal(0, 0.3, (1, 24, 36)).astype(np.float32)
        image[0, y : y + 8, x : x + 8] += patterns[kind]
        return image

    kinds = rng.integers(0, 2, 256)
    scenes = np.stack([scene(k, rng.integers(0, 17), rng.integers(0, 29)) for k in kinds])
    net = nn.Sequential(
        nn.Conv2d(1, 8, 5), nn.ReLU(), nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(8, 2)
    )
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(60):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(torch.tensor(scenes)), torch.tensor(kinds))
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.2
    model = unmask.load(net, preprocess="raw", activation="softmax", labels=["rows", "columns"])
    why = unmask.explain(model, scene(1, 12, 22), "columns", masks=600, grid=(4, 6), fill="mean")
    assert why.targets[0].score > 0.8
    y, x = np.unravel_index(why.map.argmax(), why.map.shape)
    assert 12 <= y < 20
    assert 22 <= x < 30
    assert net.training

"""transformers: classifiers by their own processor and labels, texts as targets. All offline."""

import html
import re
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.later import later
from helpers.reading import prepare
from unmask import evaluation
from unmask.errors import MissingExtra, ModelError, TargetError, UnmaskWarning
from unmask.evaluation import explainers, metrics, stored
from unmask.evaluation.occlusion import occlude

torch, transformers = later("torch"), later("transformers")
# Importing both takes seconds, whichever test comes first.
pytestmark = pytest.mark.slow

H, W = 61, 90
WORDS = ["a", "an", "photo", "of", "elephant", "cat", "dog", "the", "grass", "sky"]


@pytest.fixture(autouse=True)
def offline(monkeypatch, one_torch_thread):
    # Read from the environment when it is imported, so it is set where it was read to.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture
def scene():
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:H, :W]
    smooth = np.stack([y * 4, x * 2, 255 - x - y], axis=2)
    return np.clip(smooth + rng.integers(-9, 10, smooth.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def vit():
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        image_size=32,
        patch_size=8,
        id2label={0: "cat", 1: "African elephant", 2: "dog"},
        initializer_range=0.5,
    )
    return transformers.ViTForImageClassification(config)


@pytest.fixture
def vit_processor():
    return transformers.ViTImageProcessorPil(size={"height": 32, "width": 32})


def tokenizer():
    """A tokenizer of ten words, with no file and no download."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    specials = ["<pad>", "<unk>", "<start>", "<end>"]
    words = Tokenizer(
        models.WordLevel({w: i for i, w in enumerate(specials + WORDS)}, unk_token="<unk>")
    )
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="<start> $A <end>", special_tokens=[("<start>", 2), ("<end>", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<start>",
        eos_token="<end>",
        model_max_length=16,
    )


TOWERS = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "initializer_range": 0.5,
}
TEXT = {**TOWERS, "vocab_size": 14, "max_position_embeddings": 64}
VISION = {**TOWERS, "image_size": 32, "patch_size": 8}


def clip_model():
    torch.manual_seed(1)
    text = {**TEXT, "eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0}
    return transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config=text, vision_config=VISION, projection_dim=8, logit_scale_init_value=1.5
        )
    )


def clip_processor():
    inner = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32)
    return transformers.CLIPProcessor(image_processor=inner, tokenizer=tokenizer())


# --- classifiers ---


@pytest.mark.slow
def test_a_classifier_says_what_it_says_to_its_own_pipeline(vit, vit_processor, scene):
    with torch.no_grad():
        inputs = vit_processor(images=Image.fromarray(scene), return_tensors="pt")
        expected = vit.eval()(**inputs).logits.softmax(-1)[0].numpy()
    model = unmask.load(vit.train(), processor=vit_processor)
    assert model.labels == ("cat", "African elephant", "dog")
    assert model.notes == ()
    assert (model.input.size, model.input.channels, model.activation) == ((32, 32), 3, "softmax")
    got = {one.label: one.score for one in unmask.predict(model, scene)}
    assert [got[label] for label in model.labels] == pytest.approx(expected, abs=0.01)
    why = unmask.explain(model, scene, "african_elephant", masks=64, grid=(2, 3))
    assert why.map.shape == (H, W)
    assert np.ptp(why.map) > 0
    assert vit.training
    assert set(model.versions) == {"torch", "transformers"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("ViTImageProcessorPil", {"size": {"height": 40, "width": 28}}),
        ("ViTImageProcessorPil", {"size": {"height": 24, "width": 30}, "resample": 3}),
        ("ViTImageProcessorPil", {"size": {"height": 24, "width": 30}, "do_normalize": False}),
        ("ViTImageProcessorPil", {"size": {"height": 24, "width": 30}, "do_rescale": False}),
        ("DeiTImageProcessorPil", {"size": {"height": 40, "width": 40}, "crop_size": 32}),
        ("CLIPImageProcessorPil", {"size": {"shortest_edge": 40}, "crop_size": 32}),
        ("CLIPImageProcessorPil", {"size": {"shortest_edge": 32}, "crop_size": 32}),
        ("ConvNextImageProcessorPil", {"size": {"shortest_edge": 32}}),
        ("ConvNextImageProcessorPil", {"size": {"shortest_edge": 384}}),
        ("MobileViTImageProcessorPil", {"size": {"shortest_edge": 40}, "crop_size": 32}),
    ],
)
def test_pictures_are_prepared_as_by_the_processor(vit, scene, kind, options):
    processor = getattr(transformers, kind)(**options)
    model = unmask.load(vit, processor=processor)
    assert model.notes == ()
    theirs = np.asarray(processor(images=Image.fromarray(scene), return_tensors="np").pixel_values)
    ours = prepare(model, scene).array
    assert ours.shape == theirs[0].shape
    # A cut that is odd is half a pixel off, and Pillow keeps boxes in single precision.
    assert np.abs(ours - theirs[0]).mean() < 0.03 * np.ptp(theirs)


@pytest.mark.slow
def test_what_a_processor_does_beyond_is_said(vit, scene):
    processor = transformers.ViTImageProcessorPil(size={"height": 32, "width": 32})

    class Odd(transformers.ViTImageProcessorPil):
        def __call__(self, *args, **kwargs):
            out = super().__call__(*args, **kwargs)
            out["pixel_values"] = np.stack(out["pixel_values"])[..., ::-1]
            return out

    odd = Odd(size={"height": 32, "width": 32})
    assert unmask.load(vit, processor=processor).notes == ()
    with pytest.warns(UnmaskWarning, match="Odd does more to a picture"):
        unmask.predict(unmask.load(vit, processor=odd), scene)
    free = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, do_center_crop=False)
    with pytest.raises(ModelError, match="depends on the picture: give size="):
        unmask.load(vit, processor=free)


def test_a_classifier_without_a_processor_says_what_it_assumed(vit, scene):
    model = unmask.load(vit)
    assert model.input.size == (32, 32)
    with pytest.warns(UnmaskWarning, match="assumed preprocess='torch'.*give preprocess="):
        unmask.predict(model, scene)


@pytest.mark.parametrize(
    ("kind", "activation"),
    [
        ("multi_label_classification", "sigmoid"),
        ("single_label_classification", "softmax"),
        ("regression", "logits"),
    ],
)
def test_the_activation_is_the_configurations(vit, vit_processor, kind, activation):
    vit.config.problem_type = kind
    assert unmask.load(vit, processor=vit_processor).activation == activation
    assert unmask.load(vit, processor=vit_processor, activation="sigmoid").activation == "sigmoid"


# --- texts ---


def own_scores(model, processor, scene, texts):
    inputs = processor(images=Image.fromarray(scene), text=texts, return_tensors="pt", padding=True)
    with torch.no_grad():
        return model.eval()(**inputs).logits_per_image[0]


def test_texts_as_targets_are_compared_by_softmax(scene):
    clip, processor = clip_model(), clip_processor()
    texts = ["a photo of an elephant", "a photo of a cat", "the sky"]
    expected = own_scores(clip, processor, scene, texts).softmax(-1).numpy()
    model = unmask.load(clip.train(), processor=processor)
    why = unmask.explain(model, scene, texts, masks=64, grid=(2, 3), estimator="centered")
    assert [target.label for target in why.targets] == texts
    assert [target.score for target in why.targets] == pytest.approx(expected, abs=0.02)
    assert why.maps.shape == (3, H, W)
    # They always sum to one, so do their maps.
    np.testing.assert_allclose(why.maps.sum(0), 1, atol=1e-4)
    assert np.ptp(why.maps[0]) > 0
    assert clip.training
    assert all(part.training for part in clip.modules())


def test_labels_are_texts_that_are_compared_and_not_explained(scene):
    clip, processor = clip_model(), clip_processor()
    texts = ["a photo of a cat", "the sky"]
    model = unmask.load(clip, processor=processor, labels=texts)
    assert model.labels == tuple(texts)
    best = unmask.predict(model, scene, top=2)
    assert sum(one.score for one in best) == pytest.approx(1)
    assert unmask.explain(model, scene, masks=64, grid=2).targets[0].label == best[0].label
    one = unmask.explain(model, scene, "an elephant", masks=64, grid=2).targets[0]
    expected = own_scores(clip, processor, scene, [*texts, "an elephant"]).softmax(-1)[2]
    assert (one.label, one.index) == ("an elephant", 2)
    assert one.score == pytest.approx(float(expected), abs=0.02)
    assert unmask.load(model, labels=["a dog"]).labels == ("a dog",)
    # A text with a comma is itself, and not the label before the comma.
    assert unmask.prepare(model, scene, "the sky, a cat").targets.targets[0].index == 2
    assert unmask.prepare(model, scene, ["the sky", 0]).targets.targets[0].index == 1


def test_a_contrast_of_texts(scene):
    model = unmask.load(clip_model(), processor=clip_processor())
    target = unmask.contrast("a cat", "a dog")
    run = unmask.prepare(model, scene, target)
    scores = {one.label: one.score for one in run.predictions()}
    assert run.targets.targets[0].score == pytest.approx(scores["a cat"] - scores["a dog"])
    inner = unmask.prepare(model, scene, [unmask.within_top("the sky", 1), "the grass"])
    assert inner.model.labels == ("the sky", "the grass")


def test_a_single_text_is_explained_by_its_similarity(scene):
    clip, processor = clip_model(), clip_processor()
    model = unmask.load(clip, processor=processor)
    expected = own_scores(clip, processor, scene, ["a cat"])
    with pytest.warns(UnmaskWarning, match="'a cat' is the only text.*Give others"):
        why = unmask.explain(model, scene, "a cat", masks=64, grid=2)
    assert why.targets[0].score == pytest.approx(float(expected[0]), rel=0.05)
    assert np.ptp(why.map) > 0


def test_no_text_is_an_error_before_the_model_is_called(scene):
    model = unmask.load(clip_model(), processor=clip_processor())
    for target in (None, "top:2", 0):
        with pytest.raises(TargetError, match="compares pictures with texts, and has none"):
            unmask.explain(model, scene, target)
    with pytest.raises(ModelError, match="compares pictures with texts: give them"):
        unmask.predict(model, scene)
    bare = unmask.load(clip_model(), processor=clip_processor().image_processor)
    with pytest.raises(ModelError, match="needs its tokenizer"):
        unmask.explain(bare, scene, "a cat")
    given = unmask.load(
        clip_model(), processor=clip_processor().image_processor, tokenizer=tokenizer()
    )
    assert unmask.prepare(given, scene, ["a cat", "a dog"]).model.labels == ("a cat", "a dog")


def test_siglip_is_scored_as_it_was_trained(scene):
    torch.manual_seed(1)
    text = {**TEXT, "pad_token_id": 0, "eos_token_id": 3, "bos_token_id": 2}
    siglip = transformers.SiglipModel(
        transformers.SiglipConfig(text_config=text, vision_config=VISION)
    )
    inner = transformers.SiglipImageProcessorPil(size={"height": 32, "width": 32})
    words = tokenizer()
    words.model_max_length = 64
    model = unmask.load(siglip, processor=inner, tokenizer=words)
    run = unmask.prepare(model, scene, ["a cat", "the sky"])
    pictures = inner(images=Image.fromarray(scene), return_tensors="pt")
    filled = words(["a cat", "the sky"], return_tensors="pt", padding="max_length", max_length=64)
    with torch.no_grad():
        outputs = siglip.eval()(**filled, **pictures)
    expected = torch.sigmoid(outputs.logits_per_image)[0].numpy()
    assert run.outputs[0] == pytest.approx(expected, abs=0.02)


# --- by name, from a folder ---


def test_a_classifier_from_a_folder(tmp_path, vit, vit_processor, scene):
    vit.save_pretrained(tmp_path)
    vit_processor.save_pretrained(tmp_path)
    model = unmask.load(f"hf:{tmp_path}")
    assert model.labels == ("cat", "African elephant", "dog")
    expected = unmask.predict(unmask.load(vit, processor=vit_processor), scene)
    assert [one.score for one in unmask.predict(model, scene)] == pytest.approx(
        [one.score for one in expected], abs=1e-5
    )


@pytest.mark.slow
def test_texts_from_the_command_line(tmp_path, scene):
    typer = pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask.cli import app

    assert typer
    clip_model().save_pretrained(tmp_path / "clip")
    clip_processor().save_pretrained(tmp_path / "clip")
    Image.fromarray(scene).save(tmp_path / "scene.png")
    out = tmp_path / "out"
    words = ["explain", str(tmp_path / "scene.png"), "-m", f"hf:{tmp_path / 'clip'}"]
    words += ["-n", "64", "--grid", "2", "-o", str(out)]
    texts = ["-t", "a photo of an elephant", "-t", "the sky"]
    result = CliRunner().invoke(app, [*words, *texts])
    assert result.exit_code == 0, result.output
    assert {path.name for path in out.glob("*.png")} == {
        "scene-a-photo-of-an-elephant.png",
        "scene-the-sky.png",
    }
    none = CliRunner().invoke(app, words)
    assert none.exit_code == 2
    assert "has none" in none.output
    assert "Traceback" not in none.output


# --- texts, wherever targets go

CAT, DOG, SKY = "a photo of a cat", "a dog", "the sky, the grass"
TEXT_TARGETS = {
    "one of two": [DOG, CAT],
    "one": [SKY],
    "a contrast": [unmask.contrast(CAT, DOG)],
    "beside labels": [DOG],
}


@pytest.fixture(params=TEXT_TARGETS)
def asked(request):
    """A model, and texts as targets: alone, several, a contrast, and beside others as labels."""
    labels = [SKY, "a photo of an elephant"] if request.param == "beside labels" else None
    model = unmask.load(clip_model(), processor=clip_processor(), labels=labels)
    return model, TEXT_TARGETS[request.param]


SMALL = {"masks": 64, "grid": (2, 3)}
alone = pytest.mark.filterwarnings("ignore:.*is the only text:unmask.errors.UnmaskWarning")


@alone
def test_texts_are_measured_as_they_are_explained(asked, scene):
    model, (first, *_) = asked
    made = unmask.explain(model, scene, first, **SMALL)
    one = metrics.case(model, scene, first)
    assert one.target == made.targets[0]
    assert metrics.insertion(one, made.map).scores[-1] == pytest.approx(one.target.score, abs=1e-5)
    drops = occlude(one, masks=9, side=0.4)
    np.testing.assert_array_equal(
        explainers.occlusion(model, scene, first, masks=9, side=0.4), drops
    )
    assert np.ptp(drops) > 0


@pytest.mark.slow
@alone
def test_texts_are_evaluated_as_they_are_explained(asked, scene):
    model, (first, *_) = asked
    made = unmask.explain(model, scene, first, **SMALL)
    torch.manual_seed(7)
    other = unmask.load(clip_model(), processor=clip_processor())
    wanted = ["deletion", "drop", "sanity", "stability"]
    (row,) = evaluation.evaluate(
        model, [scene], "unmask,masks=64,grid=3", target=first, wanted=wanted, randomized=other
    )
    assert row.error == ""
    assert (row.label, row.score) == (made.targets[0].label, made.targets[0].score)
    assert set(row.values) == set(wanted)


@pytest.mark.slow
@alone
def test_texts_are_remembered_by_a_file(asked, scene, tmp_path):
    model, texts = asked
    begun, whole = (unmask.explain(model, scene, texts, masks=n, grid=(2, 3)) for n in (64, 96))
    loaded = unmask.Explanation.load(begun.save(tmp_path / "e.npz"))
    assert loaded.texts == begun.texts
    more = unmask.extend(loaded, model, masks=32)
    assert more.targets == whole.targets
    np.testing.assert_array_equal(more.estimate.scores, whole.estimate.scores)
    curves = metrics.curves(loaded, model)
    for target, curve in zip(texts, curves, strict=True):
        case = metrics.case(unmask.load(model, labels=begun.texts), scene, target)
        expected = metrics.both(case, begun.model_maps[texts.index(target)])
        np.testing.assert_array_equal(curve["deletion"].scores, expected["deletion"].scores)
    (row,) = stored.evaluate(model, [loaded])
    assert row.error == ""
    assert row.score == begun.targets[0].score


def test_texts_of_a_file_of_version_0_1_0(scene):
    """It holds what was explained alone, which is all unless there were labels."""
    model = unmask.load(clip_model(), processor=clip_processor())
    made = unmask.explain(model, scene, [CAT, DOG], **SMALL)
    whole = unmask.explain(model, scene, [CAT, DOG], masks=96, grid=(2, 3))
    old = replace(made, texts=None)
    np.testing.assert_array_equal(unmask.extend(old, model, masks=32).maps, whole.maps)
    labeled = unmask.load(model, labels=[SKY])
    beside = replace(unmask.explain(labeled, scene, DOG, **SMALL), texts=None)
    assert unmask.extend(beside, labeled, masks=32).masks == 96
    with pytest.raises(TargetError, match="does not name all"):
        unmask.extend(beside, model, masks=32)


def test_other_texts_are_another_score(scene):
    model = unmask.load(clip_model(), processor=clip_processor())
    made = unmask.explain(model, scene, [CAT, DOG], **SMALL)
    assert unmask.metrics.case(model, scene, CAT).target.score != made.targets[0].score
    with pytest.raises(unmask.SettingError, match="another model, picture or preprocessing"):
        unmask.extend(made, model, masks=32, target=[CAT, SKY])


@alone
@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ["-t", CAT, "-t", DOG],
        ["-t", SKY],
        ["--labels", "texts.txt", "-t", "top:2", "-t", DOG],
        ["--labels", "texts.txt"],
        ["--contrast", CAT, DOG],
    ],
)
def test_texts_in_every_command_and_report(words, tmp_path, scene, monkeypatch):
    pytest.importorskip("typer")
    from typer.testing import CliRunner

    from unmask.cli import app

    def run(*words):
        result = CliRunner().invoke(app, list(map(str, words)))
        assert result.exit_code == 0, result.output
        return result.output

    monkeypatch.chdir(tmp_path)
    clip_model().save_pretrained("clip")
    clip_processor().save_pretrained("clip")
    Image.fromarray(scene).save("scene.png")
    Path("texts.txt").write_text(f"{SKY}\na photo of an elephant\n")
    run("explain", "scene.png", "-m", "hf:clip", "-n", "64", "--grid", "2", *words)
    made = unmask.Explanation.load("unmask-output/scene.npz")
    run("report", "unmask-output/scene.npz", "--curves", "-m", "hf:clip")
    page = html.unescape(Path("report.html").read_text("utf-8"))
    command, python = re.findall(r"<pre><code>(.*?)</code>", page, re.DOTALL)
    assert "-t 0" not in command
    run(*shlex.split(command)[1:], "-o", "again")
    again = unmask.Explanation.load("again/scene.npz")
    names: dict = {}
    exec(python, names)
    for one in (again, names["explanation"]):
        assert one.targets == made.targets
        np.testing.assert_array_equal(one.maps, made.maps)
    if "-t" in words and "top:2" not in words:
        for name in ("evaluate", "compare"):
            few = ["-e", "unmask,masks=64,grid=2", "-e", "occlusion,masks=9"]
            few = few if name == "compare" else few[:2]
            said = run(name, "scene.png", "-m", "hf:clip", *words[:2], *few, "-o", name)
            assert "error" not in said


@pytest.mark.parametrize("name", ["nobody/nothing-there", "absent-folder"])
def test_what_cannot_be_had_is_said_in_a_line(name):
    with pytest.raises(ModelError, match=rf"hf:{name} cannot be loaded.*hf:FOLDER") as error:
        unmask.load(f"hf:{name}")
    assert "\n" not in str(error.value)


def test_models_of_other_things_are_refused():
    config = transformers.BertConfig(
        hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8
    )
    with pytest.raises(ModelError, match="give its tokenizer"):
        unmask.load(transformers.BertForSequenceClassification(config))


def test_missing_transformers_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"pip install 'unmask\[hf\]'"):
        unmask.load("hf:some/model")


# --- numbers of classes, channels, and other tasks ---


def small_vit(**config):
    torch.manual_seed(0)
    return transformers.ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=8,
        **config,
    )


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ({1: "cat", 2: "dog"}, ("class 0", "cat")),
        ({0: "cat", 7: "dog"}, ("cat", "class 1")),
        ({1: "dog", 0: "cat"}, ("cat", "dog")),
    ],
)
def test_names_stand_at_their_numbers(names, labels):
    network = transformers.ViTForImageClassification(small_vit())
    network.config.id2label = names
    model = unmask.load(network, preprocess="torch")
    assert (model.labels, model.classes) == (labels, 2)
    beyond = [note for note in model.notes if "off by one" in note]
    assert len(beyond) == (max(names) > 1)
    given = unmask.load(network, preprocess="torch", labels={1: "dog", 0: "cat"})
    assert given.labels == ("cat", "dog")


def test_one_channel_and_a_processor_of_one_mean(scene):
    network = transformers.ViTForImageClassification(small_vit(num_channels=1))
    processor = transformers.ViTImageProcessorPil(
        size={"height": 32, "width": 32}, image_mean=[0.5], image_std=[0.5]
    )
    model = unmask.load(network, processor=processor)
    assert model.input.channels == 1
    picture = Image.fromarray(scene).convert("L")
    theirs = processor(images=picture, return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = network.eval()(theirs).logits.softmax(-1).numpy()[0]
    found = {one.index: one.score for one in unmask.predict(model, picture)}
    np.testing.assert_allclose([found[0], found[1]], expected, atol=5e-3)


def test_a_processor_that_fails_on_the_trial_is_no_failure_of_the_model(vit, vit_processor):
    class Fails(type(vit_processor)):
        def __call__(self, *_, **__):
            raise ValueError("wants two pictures")

    model = unmask.load(vit, processor=Fails(size={"height": 32, "width": 32}))
    assert any("wants two pictures" in note for note in model.notes)


def test_a_segmentation_is_recognized(scene):
    config = transformers.SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 16],
        patch_sizes=[3, 3],
        strides=[2, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=8,
        num_labels=4,
    )
    torch.manual_seed(0)
    network = transformers.SegformerForSemanticSegmentation(config)
    model = unmask.load(network, size=(32, 48), preprocess="unit")
    outputs = model(np.random.default_rng(0).random((1, 3, 32, 48), np.float32))
    assert outputs.shape[1] == 4
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    assert model.labels == ("LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3")
    found = unmask.predict(model, scene)
    assert sum(one.share for one in found) == pytest.approx(1)
    made = unmask.explain(model, scene, masks=64, grid=(2, 3))
    assert made.targets[0].label == found[0].label
    assert made.targets[0].score == pytest.approx(found[0].score)
    share = unmask.explain(model, scene, lambda out: out[:, 2].mean(axis=(1, 2)), masks=64)
    assert 0 < share.targets[0].score < 1
    named = unmask.load(network, size=(32, 48), preprocess="unit", labels=list("abcd"))
    assert named.labels == tuple("abcd")


@pytest.mark.slow
def test_a_segmentation_of_a_folder_is_told_by_its_configuration(tmp_path, scene):
    config = transformers.SegformerConfig(
        num_encoder_blocks=1, depths=[1], sr_ratios=[1], hidden_sizes=[8], patch_sizes=[3],
        strides=[2], num_attention_heads=[1], mlp_ratios=[2], decoder_hidden_size=8,
        id2label={0: "background", 1: "sky", 2: "sea"}, label2id={"sea": 2},
    )  # fmt: skip
    torch.manual_seed(0)
    network = transformers.SegformerForSemanticSegmentation(config)
    network.save_pretrained(tmp_path)
    size = {"height": 32, "width": 48}
    transformers.SegformerImageProcessorPil(size=size).save_pretrained(tmp_path)
    model = unmask.load(f"hf:{tmp_path}")
    assert (model.task, model.labels) == ("regions", ("background", "sky", "sea"))
    assert model.input.size == (32, 48)
    assert unmask.predict(model, scene)[0].label in model.labels


@pytest.mark.slow
def test_a_clip_compares_pictures_and_texts_in_one_space(scene):
    network, words = clip_model(), tokenizer()
    model = unmask.load(network, tokenizer=words, preprocess="unit", size=(32, 32))
    other = np.ascontiguousarray(scene[:, ::-1] // 2)
    asked = [unmask.similar_to(other), unmask.similar_to("a cat")]
    made = unmask.explain(model, scene, asked, masks=64, grid=(2, 3))

    def unit(features):
        features = getattr(features, "pooler_output", features)
        return (features / features.norm(dim=-1, keepdim=True)).numpy()[0]

    with torch.no_grad():
        frames = [unmask.inputs.read(model.input, "m", one).whole() for one in (scene, other)]
        mine, hers = (
            unit(network.eval().get_image_features(torch.as_tensor(one))) for one in frames
        )
        text = unit(network.get_text_features(**words(["a cat"], return_tensors="pt")))
    assert made.targets[0].score == pytest.approx(float(mine @ hers), abs=1e-4)
    assert made.targets[1].score == pytest.approx(float(mine @ text), abs=1e-4)
    assert [one.request for one in made.targets] == [None, "similar:a cat"]
    alone = unmask.explain(model, scene, "similar:a cat", masks=64, grid=(2, 3))
    more = unmask.extend(alone, model, masks=64)
    assert more.masks == 128
    without = unmask.load(network, preprocess="unit", size=(32, 32))
    with pytest.raises(ModelError, match="needs its tokenizer"):
        unmask.prepare(without, scene, "similar:a cat")


def test_an_embedding_is_no_class(scene):
    model = unmask.load(transformers.ViTModel(small_vit()), preprocess="torch")
    assert model.labels is None
    with pytest.raises(ModelError, match=r"last_hidden_state.*output="):
        unmask.predict(model, scene)
    chosen = unmask.load(
        transformers.ViTModel(small_vit()), preprocess="torch", output="pooler_output"
    )
    assert chosen(np.zeros((1, 3, 32, 32), np.float32)).shape == (1, 16)


@pytest.mark.slow
def test_a_picture_and_its_text_are_hidden_in_the_same_calls(scene):
    network, processor = clip_model().eval(), clip_processor()
    model = unmask.load(network, processor=processor)
    said = "a photo of the cat"
    run = unmask.prepare(model, unmask.together(scene, said, grid=(2, 3)), masks=64, fill="black")
    made = run.explanation([*unmask.stream(run)][-1])
    assert made.targets[0].label == said
    assert made.map.shape == (6 + 5,)
    masked = run.sample.masked(run.plan.masks.block(0).grids[:6], run.fill)
    for (score,), (pixels, text) in zip(made.estimate.scores, masked, strict=False):
        tokens = processor.tokenizer([text], return_tensors="pt")
        with torch.no_grad():
            direct = network(pixel_values=torch.tensor(pixels[None]), **tokens).logits_per_image
        assert score == pytest.approx(float(direct), abs=1e-4)
    held = unmask.prepare(model, unmask.together(scene, said, hide="text"), masks=32)
    assert held.sample.shape == (5,)

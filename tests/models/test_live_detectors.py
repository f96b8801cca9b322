"""Live detectors: of transformers with random weights, of other libraries by what they document."""

import numpy as np
import pytest
from PIL import Image

import unmask
from helpers.later import later
from unmask.errors import ModelError, SettingError, TargetError

torch, transformers = later("torch"), later("transformers")
# Importing both takes seconds, whichever test comes first.
pytestmark = pytest.mark.slow

H, W = 48, 80
EDGES = {"shortest_edge": 64, "longest_edge": 100}
NAMES = {0: "cat", 1: "dog", 2: "sofa"}


@pytest.fixture(autouse=True)
def offline(monkeypatch, one_torch_thread):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def scene():
    y, x = np.mgrid[:H, :W]
    return np.stack([y * 5, x * 3, 250 - x - y], axis=2).clip(0, 255).astype(np.uint8)


def resnet(*stages):
    sizes = {"embedding_size": 8, "hidden_sizes": [8] * 4, "depths": [1] * 4}
    return {**sizes, "layer_type": "basic", "out_features": [f"stage{i}" for i in stages]}


def layers(**more):
    """What encoders and decoders of two heads and one layer have in common."""
    named = {
        f"{part}_{what}": value
        for part in ("encoder", "decoder")
        for what, value in (("layers", 1), ("attention_heads", 2), ("ffn_dim", 16))
    }
    return {**named, "d_model": 16, "id2label": NAMES, **more}


def detr(stages=(4,), **more):
    own = {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None}
    back = transformers.ResNetConfig(**resnet(*stages))
    config = transformers.DetrConfig(**layers(**own, **more, backbone_config=back, num_queries=7))
    return transformers.DetrForObjectDetection(config), "Detr", {"size": EDGES}


def conditional():
    own = {"use_timm_backbone": False, "use_pretrained_backbone": False, "backbone": None}
    back = transformers.ResNetConfig(**resnet(4))
    config = transformers.ConditionalDetrConfig(
        **layers(**own, backbone_config=back, num_queries=7)
    )
    model = transformers.ConditionalDetrForObjectDetection(config)
    return model, "ConditionalDetr", {"size": EDGES}


def yolos():
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.YolosConfig(
        **sizes,
        intermediate_size=16,
        image_size=[64, 96],
        num_detection_tokens=5,
        id2label=NAMES,
    )
    return transformers.YolosForObjectDetection(config), "Yolos", {"size": EDGES}


def rtdetr():
    back = transformers.RTDetrResNetConfig(**resnet(2, 3, 4))
    channels = {"encoder_in_channels": [8] * 3, "decoder_in_channels": [16] * 3}
    config = transformers.RTDetrConfig(
        **layers(**channels, backbone_config=back, num_queries=6, encoder_hidden_dim=16),
        num_denoising=0,
    )
    model = transformers.RTDetrForObjectDetection(config)
    return model, "RTDetr", {"size": {"height": 64, "width": 96}}


def surer(model):
    """Spread what a network with random weights says, so that no two boxes are equally sure."""
    torch.manual_seed(1)
    with torch.no_grad():
        for name, part in model.named_parameters():
            if "bbox" in name or "class" in name or "query" in name:
                part.add_(torch.randn_like(part) * 0.5)
    return model.eval()


@pytest.mark.parametrize("made", [detr, conditional, yolos, rtdetr])
def test_boxes_are_those_of_the_models_own_processor(made, scene):
    torch.manual_seed(0)
    model, kind, options = made()
    surer(model)
    processor = getattr(transformers, f"{kind}ImageProcessorPil")(**options)
    loaded = unmask.load(model, processor=processor, threshold=0.01)
    assert (loaded.detector, loaded.labels, loaded.notes) == (
        "transformers",
        (*NAMES.values(),),
        (),
    )
    inputs = processor(images=Image.fromarray(scene), return_tensors="pt")
    with torch.no_grad():
        outputs = model(pixel_values=inputs["pixel_values"])
    (theirs,) = processor.post_process_object_detection(
        outputs, threshold=0.01, target_sizes=torch.tensor([[H, W]])
    )
    ours = unmask.detect(loaded, scene)
    assert ours
    boxes = theirs["boxes"].numpy().clip(0, [W, H, W, H])
    for one in ours:
        same = np.abs(boxes - np.array(one.box)).max(axis=1) < 1
        same &= theirs["labels"].numpy() == one.index
        assert np.abs(theirs["scores"].numpy()[same] - one.confidence).min() < 0.01
    assert ours[0].confidence == pytest.approx(float(theirs["scores"].max()), abs=0.01)


def test_queries_with_masks(scene):
    torch.manual_seed(0)
    # As many heads as make a multiple of 8 with the 16 channels.
    heads = {"encoder_attention_heads": 8, "decoder_attention_heads": 8}
    detector, _, options = detr((1, 2, 3, 4), **heads)
    model = surer(transformers.DetrForSegmentation(detector.config))
    processor = transformers.DetrImageProcessorPil(**options)
    loaded = unmask.load(model, processor=processor, threshold=0.01)
    inputs = processor(images=Image.fromarray(scene), return_tensors="pt")
    with torch.no_grad():
        outputs = model(pixel_values=inputs["pixel_values"])
    shares = outputs.logits.softmax(-1)[0, :, :-1].max(dim=-1).values
    (best, *_) = unmask.detect(loaded, scene)
    assert best.confidence == pytest.approx(float(shares.max()), abs=0.01)
    shown = outputs.pred_masks[0, shares.argmax()].numpy() > 0
    assert best.mask.shape == (H, W)
    assert abs(best.mask.mean() - shown.mean()) < 0.1


def test_a_detector_from_a_folder_is_explained(tmp_path, scene):
    torch.manual_seed(0)
    model, _, options = detr()
    surer(model).save_pretrained(tmp_path)
    transformers.DetrImageProcessorPil(**options).save_pretrained(tmp_path)
    loaded = unmask.load(f"hf:{tmp_path}", threshold=0.05)
    assert loaded.detector == "transformers"
    explanation = unmask.explain(loaded, scene, "top:1", masks=48, grid=4)
    assert explanation.targets[0].number == 0
    assert np.isfinite(explanation.map).all()
    assert explanation.map.shape == (H, W)


def test_logits_of_another_number_are_refused(scene):
    model, _, options = detr()
    processor = transformers.DetrImageProcessorPil(**options)
    model.config.id2label = {i: str(i) for i in range(9)}
    with pytest.raises(ModelError, match="returned 4 logits for 9 classes, expected 9 or 10"):
        unmask.detect(unmask.load(model, processor=processor), scene)


def words(vocabulary):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    made = Tokenizer(
        models.WordLevel(
            {word: i for i, word in enumerate(specials + vocabulary)}, unk_token="[UNK]"
        )
    )
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )


VOCABULARY = [".", "?", "a", "cat", "red", "dog"]


def grounding():
    text = transformers.BertConfig(
        vocab_size=10,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    sizes = layers(decoder_layers=2, max_text_len=16, num_queries=9, num_feature_levels=3)
    config = transformers.GroundingDinoConfig(
        **{**sizes, "d_model": 32},
        backbone_config=transformers.ResNetConfig(**resnet(2, 3, 4)),
        text_config=text,
    )
    torch.manual_seed(0)
    processor = transformers.GroundingDinoProcessor(
        transformers.GroundingDinoImageProcessorPil(size=EDGES), words(VOCABULARY)
    )
    return surer(transformers.GroundingDinoForObjectDetection(config)), processor


def test_grounding_dino_looks_for_its_labels(scene):
    model, processor = grounding()
    loaded = unmask.load(model, processor=processor, labels=["a cat", "red dog"], threshold=0.01)
    assert loaded.labels == ("a cat", "red dog")
    found = unmask.detect(loaded, scene)
    inputs = processor(images=Image.fromarray(scene), text="a cat. red dog.", return_tensors="pt")
    with torch.no_grad():
        outputs = model(**inputs)
    # [CLS] a cat . red dog . [SEP]
    shares = outputs.logits.sigmoid()[0].numpy()
    phrases = np.stack([shares[:, 1:3].max(axis=1), shares[:, 4:6].max(axis=1)], axis=1)
    assert found[0].confidence == pytest.approx(phrases.max(), abs=0.01)
    assert found[0].index == phrases.max(axis=0).argmax()
    with pytest.raises(TargetError, match="no label 'a bird'"):
        unmask.explain(loaded, scene, "a bird", masks=8)
    explanation = unmask.explain(loaded, scene, "top:1", masks=24, grid=4)
    assert explanation.targets[0].label in ("a cat", "red dog")
    assert explanation.texts == ("a cat", "red dog")
    # Other labels are looked for, and not other names for the same.
    other = unmask.load(loaded, labels=["red dog"])
    assert unmask.detect(other, scene)[0].confidence == pytest.approx(phrases[:, 1].max(), abs=0.05)
    assert unmask.extend(explanation, other, masks=24).texts == ("a cat", "red dog")


def test_what_grounding_dino_needs_is_said():
    model, processor = grounding()
    with pytest.raises(ModelError, match=r"give labels, for instance labels=\['a cat'"):
        unmask.load(model, processor=processor)
    with pytest.raises(ModelError, match="needs its tokenizer"):
        unmask.load(model, labels=["a cat"])
    with pytest.raises(ModelError, match="full stop"):
        unmask.load(model, processor=processor, labels=["a cat. a dog"])
    with pytest.raises(ModelError, match="takes 16"):
        unmask.load(model, processor=processor, labels=["a cat"] * 6)


def test_owlvit_looks_for_its_labels(scene):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = transformers.OwlViTConfig(
        text_config={**sizes, "intermediate_size": 16, "vocab_size": 10, "eos_token_id": 3},
        vision_config={**sizes, "intermediate_size": 16, "image_size": 64, "patch_size": 16},
        projection_dim=16,
    )
    torch.manual_seed(0)
    model = surer(transformers.OwlViTForObjectDetection(config))
    processor = transformers.OwlViTImageProcessorPil(size={"height": 64, "width": 64})
    labels = ["a cat", "a red dog"]
    loaded = unmask.load(
        model, processor=processor, tokenizer=words(VOCABULARY), labels=labels, threshold=0.001
    )
    tokens = words(VOCABULARY)(
        labels, padding="max_length", max_length=16, truncation=True, return_tensors="pt"
    )
    inputs = processor(images=Image.fromarray(scene), return_tensors="pt")
    with torch.no_grad():
        outputs = model(
            pixel_values=inputs["pixel_values"],
            input_ids=tokens["input_ids"],
            attention_mask=tokens["attention_mask"],
        )
    expected = outputs.logits.sigmoid().numpy()[0]
    (found, *_) = unmask.detect(loaded, scene)
    assert found.confidence == pytest.approx(expected.max(), abs=0.01)
    assert found.index == expected.max(axis=0).argmax()


# --- by what libraries document, which are not installed here ---


def of(package, name, *parents, **fields):
    """A class as of another package."""
    return type(name, parents, {"__module__": f"{package}.somewhere", **fields})


def torchvisions(masks):
    """A detector as torchvision's are called and answer: a list of pictures, a dict for each."""

    def forward(self, pictures):
        found = []
        for one in pictures:
            height, width = one.shape[1:]
            sure = one[:, 10:30, 20:60].mean()
            box = torch.tensor([[20.0, 10.0, 60.0, 30.0], [0.0, 0.0, 4.0, 4.0]])
            answer = {
                "boxes": box,
                "labels": torch.tensor([2, 1]),
                "scores": torch.stack([sure, sure / 2]),
            }
            if masks:
                inside = torch.zeros(2, 1, height, width)
                inside[0, :, 10:20, 20:60] = 0.9
                answer["masks"] = inside
            found.append(answer)
        return found

    fields = {"min_size": (H,), "max_size": W, "fixed_size": None}
    kind = of("torchvision", "GeneralizedRCNN", torch.nn.Module, forward=forward)
    model = of("torchvision", "MaskRCNN", kind)()
    model.transform = type("Transform", (), fields)()
    return model


@pytest.mark.parametrize("masks", [True, False])
def test_torchvisions_detectors(masks):
    picture = np.zeros((H, W, 3), np.uint8)
    picture[10:30, 20:60] = 230
    weights = type("Weights", (), {"meta": {"categories": ["__background__", "cat", "dog"]}})()
    loaded = unmask.load(torchvisions(masks), processor=weights)
    assert (loaded.detector, loaded.input.edges) == ("torchvision", (H, W, 1))
    found = unmask.detect(loaded, picture)
    assert [(one.label, one.box) for one in found[:1]] == [("dog", (20, 10, 60, 30))]
    assert found[0].confidence == pytest.approx(230 / 255, abs=1e-6)
    assert (found[0].mask is not None) == masks
    if masks:
        assert found[0].mask[10:20, 20:60].all()
        assert found[0].mask.sum() == 400
    (target,) = unmask.prepare(loaded, picture, [0], masks=1).targets.targets
    if not masks:
        assert target.outline is None
        return
    # Its figure shows the mask, upper half of the box: a line within a place of its border.
    (ring,) = target.outline
    x, y = np.transpose(ring)
    near = min(H, W) / 40
    assert abs(np.array([x.min(), y.min(), x.max(), y.max()]) - [20, 10, 60, 20]).max() <= near


class Detect:
    """Head of a YOLO."""

    end2end = False


def yolo(task, column, bases=None, end2end=False):
    """A YOLO object as Ultralytics documents it: its network answers with boxes, then the rest."""

    def forward(self, pixels):
        rows = torch.tensor(column, dtype=torch.float32).T[None].expand(len(pixels), -1, -1)
        if end2end:
            rows = rows.transpose(1, 2)
        features = [torch.zeros(len(pixels), 144, 4, 5)]
        if bases is None:
            return rows, {"feats": features}
        own = torch.tensor(bases, dtype=torch.float32).expand(len(pixels), -1, -1, -1)
        return rows, (features, torch.zeros(len(pixels), 8, 3), own)  # as older versions have it

    network = of("ultralytics", "DetectionModel", torch.nn.Module, forward=forward)()
    network.weight = torch.nn.Parameter(torch.zeros(1))
    network.args = {"imgsz": [64, 96]}
    head = Detect()
    head.end2end = end2end
    object.__setattr__(network, "model", [head])
    base = of("ultralytics", "Model", torch.nn.Module)
    made = of("ultralytics", "YOLO", base)()
    made.task, made.names, made.overrides = task, {0: "cat", 1: "dog"}, {}
    object.__setattr__(made, "model", network)
    return made


ROW = [[40, 25, 40, 30, 0.9, 0.1], [40, 25, 40, 30, 0.05, 0.8]]


def test_yolo_objects(scene):
    loaded = unmask.load(yolo("detect", ROW), resize="stretch")
    assert (loaded.detector, loaded.labels, loaded.notes) == ("ultralytics", ("cat", "dog"), ())
    assert loaded.input.size == (64, 96)
    found = unmask.detect(loaded, scene)
    assert [(one.label, round(one.confidence, 6)) for one in found] == [("cat", 0.9), ("dog", 0.8)]
    rows = [[20, 10, 60, 40, 0.9, 0], [20, 10, 60, 40, 0.8, 1]]
    free = unmask.load(yolo("detect", rows, end2end=True), resize="stretch")
    assert [one.box for one in unmask.detect(free, scene)] == [one.box for one in found]


def test_yolo_objects_with_masks(scene):
    bases = np.ones((1, 8, 16, 24))
    rows = [[*row, 1, *[0] * 7] for row in ROW]
    loaded = unmask.load(yolo("segment", rows, bases), resize="stretch")
    (cat, _) = unmask.detect(loaded, scene)
    assert cat.mask.shape == (H, W)
    left, _, _, bottom = cat.box
    y, x = np.nonzero(cat.mask)
    assert abs(x.min() - left) <= 3
    assert abs(y.max() + 1 - bottom) <= 3


@pytest.mark.parametrize("task", ["pose", "obb", "classify"])
def test_yolo_objects_of_another_task_are_refused(task):
    with pytest.raises(ModelError, match=f"task of this YOLO is '{task}'"):
        unmask.load(yolo(task, ROW))


def test_a_torch_module_is_read_by_a_named_decoder(scene):
    class Raw(torch.nn.Module):
        def forward(self, pixels):
            rows = torch.tensor(ROW, dtype=torch.float32).T[None]
            return rows.expand(len(pixels), -1, -1)

    loaded = unmask.load(
        Raw(), detector="yolov8", labels=["cat", "dog"], preprocess="unit", size=(64, 96)
    )
    assert [one.label for one in unmask.detect(loaded, scene)] == ["cat", "dog"]
    with pytest.raises(SettingError, match="is a detector by itself"):
        unmask.load(yolo("detect", ROW), detector="yolov8")

    class Lists(torch.nn.Module):
        def forward(self, pixels):
            sure = pixels.mean(dim=(1, 2, 3))
            box = torch.tensor([[20.0, 10.0, 60.0, 40.0]])
            return [
                {"boxes": box, "scores": one[None], "labels": torch.tensor([1])} for one in sure
            ]

    listed = unmask.load(Lists(), detector="function", labels=["cat", "dog"], preprocess="unit")
    (found,) = unmask.detect(listed, scene)
    assert (found.label, found.box) == ("dog", (20, 10, 60, 40))
    assert found.confidence == pytest.approx(scene.mean() / 255, abs=1e-5)
    with pytest.raises(ModelError, match=r"looks like .*detector=|no scores of classes"):
        unmask.predict(unmask.load(Raw(), preprocess="unit", size=(64, 96)), scene)

"""transformers: models that write text, of tiny random weights, against direct computations."""

import itertools

import numpy as np
import pytest

import unmask
from helpers.later import later
from unmask.errors import ModelError, SettingError, TargetError

torch, transformers = later("torch"), later("transformers")
pytestmark = pytest.mark.slow

SPECIAL = ["[PAD]", "[UNK]", "[MASK]", "<s>", "</s>", "<image>"]
WORDS = [
    *SPECIAL,
    "a",
    "cat",
    "dog",
    "on",
    "the",
    "table",
    "what",
    "is",
    "yes",
    "no",
    "and",
    "then",
]
PAD, BEGIN, END, IMAGE = 0, 3, 4, 5
SMALL = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 48,
    "initializer_range": 0.5,
}
EYES = {
    **{name: SMALL[name] for name in ("hidden_size", "num_hidden_layers", "num_attention_heads")},
    "intermediate_size": 32,
    "image_size": 32,
    "patch_size": 8,
    "initializer_range": 0.5,
}
ENDS = {"bos_token_id": BEGIN, "eos_token_id": END, "pad_token_id": PAD}
TEXT = "the cat is on the table and then"
PICTURE = np.random.default_rng(0).integers(0, 255, (40, 56, 3), np.uint8)
SQUARE = {"height": 32, "width": 32}


@pytest.fixture(autouse=True)
def offline(monkeypatch, one_torch_thread):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    torch.manual_seed(0)


def tokens(**more):
    import tokenizers

    made = tokenizers.Tokenizer(
        tokenizers.models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]")
    )
    made.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    made.post_processor = tokenizers.processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", BEGIN)]
    )
    names = {"bos": "<s>", "eos": "</s>", "pad": "[PAD]", "unk": "[UNK]", "mask": "[MASK]"}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, **{f"{name}_token": one for name, one in names.items()}, **more
    )


def gpt2(**more):
    return transformers.GPT2Config(
        vocab_size=len(WORDS), n_embd=16, n_layer=2, n_head=2, n_positions=48,
        initializer_range=0.5, **ENDS, **more,
    )  # fmt: skip


def causal(kind):
    if kind == "gpt2":
        return transformers.GPT2LMHeadModel(gpt2()).eval()
    if kind == "bloom":  # takes no positions: prompts of one length go together
        config = transformers.BloomConfig(
            vocab_size=len(WORDS), hidden_size=16, n_layer=2, n_head=2, initializer_range=0.5,
            **ENDS,
        )  # fmt: skip
        return transformers.BloomForCausalLM(config).eval()
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL, **ENDS)).eval()


def logs(logits):
    return logits.double().log_softmax(-1)


# --- texts


@pytest.mark.parametrize("kind", ["gpt2", "llama", "bloom"])
def test_a_causal_model_scores_as_a_direct_computation_without_batches(kind):
    network, tokenizer = causal(kind), tokens()
    asked = [unmask.answer("a dog"), unmask.answer("a cat"), unmask.contrast("yes", "no")]
    made = unmask.explain(
        unmask.load(network, tokenizer=tokenizer), unmask.text(TEXT), asked, masks=64
    )
    assert [one.label for one in made.targets] == [
        "a dog",
        "a",
        "dog",
        "a cat",
        "a",
        "cat",
        "yes − no",
    ]
    grids = made.plan.masks.block(0).grids
    for scores, kept in zip(made.estimate.scores[: len(grids)], grids, strict=True):
        prompt = tokenizer(" ".join(itertools.compress(TEXT.split(), kept))).input_ids
        with torch.no_grad():
            after = logs(network(torch.tensor([[*prompt, WORDS.index("a")]])).logits)[0, -2:]
        a, dog, cat, yes, no = (
            float(after[place, WORDS.index(word)])
            for place, word in ((0, "a"), (1, "dog"), (1, "cat"), (0, "yes"), (0, "no"))
        )
        expected = [a + dog, a, dog, a + cat, a, cat, yes - no]
        np.testing.assert_allclose(scores, expected, atol=1e-5)


def test_an_encoder_reads_the_text_and_a_decoder_writes_the_answer():
    config = transformers.T5Config(
        vocab_size=len(WORDS), d_model=16, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        decoder_start_token_id=PAD, eos_token_id=END,
    )  # fmt: skip
    network, tokenizer = transformers.T5ForConditionalGeneration(config).eval(), tokens()
    model = unmask.load(network, tokenizer=tokenizer)
    made = unmask.explain(model, unmask.text(TEXT), "a dog", masks=64)
    ids = [WORDS.index("a"), WORDS.index("dog")]
    for scores, kept in zip(
        made.estimate.scores[:8], made.plan.masks.block(0).grids[:8], strict=True
    ):
        prompt = tokenizer(" ".join(itertools.compress(TEXT.split(), kept)), return_tensors="pt")
        with torch.no_grad():
            after = logs(
                network(
                    input_ids=prompt.input_ids, decoder_input_ids=torch.tensor([[PAD, ids[0]]])
                ).logits
            )[0]
        np.testing.assert_allclose(
            scores[1:], [after[n, one] for n, one in enumerate(ids)], atol=1e-5
        )


def test_a_masked_model_fills_as_many_masks_as_the_answer_has_tokens():
    network = transformers.BertForMaskedLM(transformers.BertConfig(**SMALL)).eval()
    tokenizer = tokens()
    model = unmask.load(network, tokenizer=tokenizer)
    made = unmask.explain(model, unmask.text("the cat is on [MASK] and then"), "a table", masks=64)
    assert "[MASK]" not in made.original.words
    ids = tokenizer("the cat is on [MASK][MASK] and then").input_ids
    ids = tokenizer("the cat is on [MASK] [MASK] and then").input_ids
    with torch.no_grad():
        after = logs(network(torch.tensor([ids])).logits)[0]
    at = ids.index(WORDS.index("[MASK]"))
    expected = [after[at + n, WORDS.index(word)] for n, word in enumerate(("a", "table"))]
    np.testing.assert_allclose([one.score for one in made.targets[1:]], expected, atol=1e-5)


def test_the_models_own_answer_is_what_generate_writes():
    network, tokenizer = causal("llama"), tokens()
    with pytest.warns(unmask.UnmaskWarning, match="writes itself"):
        (said,) = unmask.predict(
            unmask.load(network, tokenizer=tokenizer, max_tokens=5), unmask.text(TEXT)
        )
    given = tokenizer(TEXT, return_tensors="pt").input_ids
    best = network.generate(given, max_new_tokens=5, do_sample=False)[0, given.shape[1] :]
    assert [token.strip() for token, _ in said.tokens] == [
        WORDS[one] for one in best.tolist() if one != END
    ]


def test_a_chat_template_is_used_where_there_is_one():
    template = "{% for m in messages %}what {{ m['content'] }} then{% endfor %}"
    network, tokenizer = causal("llama"), tokens(chat_template=template)
    text = unmask.text("the cat is")
    chat = unmask.prepare(unmask.load(network, tokenizer=tokenizer), text, "yes", masks=64)
    plain = unmask.load(network, tokenizer=tokenizer, chat=False)
    same = unmask.prepare(plain, text, unmask.answer("yes", "what {} then"), masks=64)
    # The template brings no <s> of its own.
    assert chat.targets.targets[0].score != same.targets.targets[0].score
    with torch.no_grad():
        ids = tokenizer("what the cat is then", add_special_tokens=False).input_ids
        direct = logs(network(torch.tensor([ids])).logits)[0, -1, WORDS.index("yes")]
    assert chat.targets.targets[0].score == pytest.approx(float(direct), abs=1e-5)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("zebra", "cannot be written in the tokens of LlamaForCausalLM"),
        ("the " * 60, "LlamaForCausalLM reads 48"),
    ],
)
def test_an_answer_that_cannot_be_scored_is_refused(asked, said):
    model = unmask.load(causal("llama"), tokenizer=tokens())
    with pytest.raises(TargetError, match=said):
        unmask.prepare(model, unmask.text(TEXT), asked)


def test_what_is_missing_or_does_not_apply_is_said():
    with pytest.raises(ModelError, match="give its tokenizer"):
        unmask.load(causal("llama"))
    with pytest.raises(
        SettingError, match="labels= does not apply to LlamaForCausalLM, which writes"
    ):
        unmask.load(causal("llama"), tokenizer=tokens(), labels=["a"])


# --- pictures


def blip():
    config = transformers.BlipConfig(
        text_config={**SMALL, **ENDS, "sep_token_id": END, "encoder_hidden_size": 16},
        vision_config=EYES,
        projection_dim=16,
    )
    pictures = transformers.BlipImageProcessorPil(size=SQUARE)
    return transformers.BlipForConditionalGeneration(config), transformers.BlipProcessor(
        pictures, tokens()
    )


def git():
    config = transformers.GitConfig(**SMALL, **ENDS, vision_config=EYES)
    pictures = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=SQUARE)
    return transformers.GitForCausalLM(config), transformers.GitProcessor(pictures, tokens())


def llava():
    config = transformers.LlavaConfig(
        vision_config=transformers.CLIPVisionConfig(**EYES, projection_dim=16),
        text_config=transformers.LlamaConfig(**SMALL, **ENDS),
        image_token_id=IMAGE,
        vision_feature_layer=-1,
        initializer_range=0.5,
    )
    tokenizer = tokens(additional_special_tokens=["<image>"])
    pictures = transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=SQUARE)
    processor = transformers.LlavaProcessor(
        pictures,
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    return transformers.LlavaForConditionalGeneration(config), processor


def encoder_decoder():
    config = transformers.VisionEncoderDecoderConfig.from_encoder_decoder_configs(
        transformers.ViTConfig(**EYES), gpt2(add_cross_attention=True, is_decoder=True)
    )
    config.decoder_start_token_id, config.pad_token_id = BEGIN, PAD
    return transformers.VisionEncoderDecoderModel(config), transformers.ViTImageProcessorPil(
        size=SQUARE
    )


FAMILIES = {"blip": blip, "git": git, "llava": llava, "encoder and decoder": encoder_decoder}
PROMPTS = {"blip": "the cat", "git": "the cat", "llava": "what is on the table"}


def direct(family, network, processor, picture):
    """Log-probabilities of "a dog" for a picture, by the family's own calling convention."""
    said, ids = PROMPTS.get(family, ""), [WORDS.index("a"), WORDS.index("dog")]
    if family == "llava":
        given = processor(images=picture, text=f"<image>\n{said}", return_tensors="pt")
        prompt = given.input_ids[0].tolist()
    else:
        inner = getattr(processor, "image_processor", processor)
        given, prompt = (
            inner(images=picture, return_tensors="pt"),
            [BEGIN, *map(WORDS.index, said.split())],
        )
    name = "decoder_input_ids" if family not in PROMPTS else "input_ids"
    with torch.no_grad():
        logits = network(
            pixel_values=given["pixel_values"], **{name: torch.tensor([[*prompt, ids[0]]])}
        ).logits
    after = logs(logits)[0, -2:]
    return [float(after[n, one]) for n, one in enumerate(ids)]


@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_about_a_picture_scores_as_a_direct_computation(family):
    network, processor = FAMILIES[family]()
    network.eval()
    more = {"tokenizer": tokens()} if family not in PROMPTS else {}
    model = unmask.load(network, processor=processor, **more)
    asked = unmask.answer("a dog", PROMPTS.get(family))
    run = unmask.prepare(model, PICTURE, asked, masks=64, grid=4)
    (made,) = [run.explanation(one) for one in [*unmask.stream(run)][-1:]]
    assert [one.label for one in made.targets] == ["a dog", "a", "dog"]
    assert made.maps.shape == (3, 40, 56)
    rendered = run.plan.masks.render(run.plan.masks.block(0))
    masked = run.sample.masked(rendered, run.fill)
    for scores, one in list(zip(made.estimate.scores, masked, strict=True))[:4]:
        expected = direct(family, network, processor, np.rint(one).astype(np.uint8))
        np.testing.assert_allclose(scores, [sum(expected), *expected], atol=1e-5)
    assert (made.estimate.scores.std(axis=0) > 1e-3).all()


def test_a_prompt_is_said_beside_the_picture_and_matters():
    network, processor = llava()
    model = unmask.load(network.eval(), processor=processor)
    scores = [
        unmask.prepare(model, PICTURE, unmask.answer("yes", prompt), masks=64)
        .targets.targets[0]
        .score
        for prompt in ("is the cat on the table", "what is on the table")
    ]
    assert abs(scores[0] - scores[1]) > 1e-3


def test_a_model_of_pictures_needs_its_processor():
    with pytest.raises(ModelError, match="give its processor="):
        unmask.load(encoder_decoder()[0], tokenizer=tokens())


# --- by name


@pytest.mark.parametrize("kind", ["causal", "masked", "llava", "encoder and decoder"])
def test_a_saved_folder_is_loaded_by_its_name(kind, tmp_path):
    if kind == "causal":
        parts = [causal("gpt2"), tokens()]
    elif kind == "masked":
        parts = [transformers.BertForMaskedLM(transformers.BertConfig(**SMALL)), tokens()]
    else:
        parts = [*FAMILIES[kind](), *([tokens()] if kind not in PROMPTS else [])]
    for part in parts:
        part.save_pretrained(tmp_path)
    model = unmask.load(f"hf:{tmp_path}")
    assert model.answers is not None
    given = PICTURE if kind not in ("causal", "masked") else unmask.text(f"{TEXT} [MASK] and")
    asked = unmask.answer("a dog", PROMPTS.get(kind))
    made = unmask.explain(model, given, asked, masks=64)
    assert [one.label for one in made.targets] == ["a dog", "a", "dog"]
    assert made.origin.source == f"hf:{tmp_path}"


# --- both hidden


def test_the_picture_and_the_prompt_are_hidden_in_the_same_calls():
    network, processor = llava()
    model = unmask.load(network.eval(), processor=processor)
    given = unmask.together(PICTURE, "what is on the table", grid=(3, 4))
    run = unmask.prepare(model, given, unmask.answer("a dog"), masks=64, fill="black")
    made = run.explanation([*unmask.stream(run)][-1])
    assert made.maps.shape == (3, 12 + 5)
    grids = run.plan.masks.block(0).grids[:6]
    masked = run.sample.masked(grids, run.fill)
    for scores, (pixels, text) in zip(made.estimate.scores, masked, strict=False):
        given = processor(
            images=np.rint(pixels).astype(np.uint8), text=f"<image>\n{text}", return_tensors="pt"
        )
        ids = [*given.input_ids[0].tolist(), WORDS.index("a")]
        with torch.no_grad():
            after = logs(
                network(pixel_values=given["pixel_values"], input_ids=torch.tensor([ids])).logits
            )[0, -2:]
        expected = [float(after[n, WORDS.index(word)]) for n, word in enumerate(("a", "dog"))]
        np.testing.assert_allclose(scores[1:], expected, atol=1e-5)
    drawn, words = made.original.split(made.map)
    assert drawn.shape == (40, 56)
    assert words.shape == (5,)

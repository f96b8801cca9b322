"""Answers of real models: a line that is read, and a small language model."""

import numpy as np
import pytest

import unmask
from helpers.places import SHARED
from unmask.inputs import read
from unmask.models import ctc

LINES, SMALL = SHARED / "real" / "ocr", SHARED / "real" / "lm"
# The small model repeats numbers that stand near, and hardly anything else.
FRAMES = ("As I adapt, {}:", "I see {} or", "weights {} and weights", "layers {} plus")
CUES = ("328", "0.15", "128", "0.73", "512", "64", "0.9", "256", "3.5", "1024", "77", "0.5", "90")


@pytest.fixture(scope="module")
def language():
    pytest.importorskip("tokenizers")
    if not SMALL.is_dir():
        pytest.skip("needs ../shared")
    return unmask.load(SMALL / "aidreams260K.onnx", tokenizer=SMALL / "tok512.json")


@pytest.mark.slow
def test_the_maps_of_characters_peak_on_them():
    if not LINES.is_dir():
        pytest.skip("needs ../shared")
    model, path = unmask.load(LINES / "ppocrv4_rec.onnx"), LINES / "line3.png"
    made = unmask.explain(model, path, masks=128)
    assert made.targets[0].label == "histogram of grey values:"
    sample = read(model.input, model.name, path)
    outputs = model.answers.run(sample.whole())
    ids = [model.answers.characters.index(one) for one in made.targets[0].label]
    places = ctc.aligned(outputs, ids, True)
    wide = sample.shape[1]
    middles = (np.array([one.mean() for one in places]) + 0.5) * wide / outputs.shape[1]
    gaps = np.diff(middles)
    widths = (np.r_[gaps[:1], gaps] + np.r_[gaps, gaps[-1:]]) / 2
    peaks = made.model_maps[1:].mean(axis=1).argmax(axis=1) + 0.5
    # Where nothing is drawn, as of a blank, nothing can be hidden.
    drawn = np.array([one != " " for one in made.targets[0].label])
    assert (np.abs(peaks - middles) <= widths / 2)[drawn].mean() >= 0.9


def test_the_cue_of_an_answer_leads(language):
    leads = []
    for frame in FRAMES:
        for one in CUES:
            text = unmask.text(frame.format(one))
            made = unmask.explain(language, text, unmask.answer(one, of="whole"))
            leads.append(one in made.original.words[made.map.argmax()])
    assert len(leads) >= 50
    assert np.mean(leads) >= 0.9


def test_log_probabilities_are_those_of_the_file_itself(language):
    import json

    import onnxruntime

    session = onnxruntime.InferenceSession(str(SMALL / "aidreams260K.onnx"))
    known = json.loads((SMALL / "tok512.json").read_text("utf-8"))

    def tokens(text):
        """Merge the two neighbors of the best score, again and again."""
        ids = [known["tokens"].index(letter) for letter in f" {text}"]
        while True:
            pairs = [
                (known["scores"][known["tokens"].index(both)], -place)
                for place in range(len(ids) - 1)
                if (both := known["tokens"][ids[place]] + known["tokens"][ids[place + 1]])
                in known["tokens"]
            ]
            if not pairs:
                return [1, *ids]
            place = -max(pairs)[1]
            both = known["tokens"][ids[place]] + known["tokens"][ids[place + 1]]
            ids[place : place + 2] = [known["tokens"].index(both)]

    text, answer = "As I dream, patterns unfold and", " I sense data"
    made = unmask.explain(language, unmask.text(text), unmask.answer(answer), masks=64)
    for row, kept in list(zip(made.estimate.scores, made.plan.masks.block(0).grids, strict=False))[
        :16
    ]:
        shown = [word for word, there in zip(text.split(), kept, strict=True) if there]
        if not shown:
            continue
        before, both = tokens(" ".join(shown)), tokens(" ".join(shown) + answer)
        assert both[: len(before)] == before
        (logits,) = session.run(None, {"ids": np.array([both])})
        logs = logits[0].astype(np.float64)
        logs -= np.log(np.exp(logs - logs.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True))
        logs -= logits[0].max(axis=1, keepdims=True)
        direct = [logs[place - 1, both[place]] for place in range(len(before), len(both))]
        np.testing.assert_allclose(row, [sum(direct), *direct], atol=1e-5)


def test_a_long_answer_takes_the_calls_of_a_short_one(language):
    text, answer = unmask.text("As I dream, patterns"), "the hum of data " * 12
    calls = []
    for of in ("whole", "all"):
        asked = unmask.answer(answer, of=of)
        made = unmask.explain(language, text, asked, masks=64, design="balanced")
        calls.append(made.model_calls)
    assert len(made.targets) > 60
    assert calls[0] == calls[1]

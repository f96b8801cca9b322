"""Texts: their units, what is shown of them, and what is refused."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unmask.errors import ModelError, SettingError
from unmask.inputs import InputSpec, TextSpec, read, text

SAID = 'Not bad, "at all"  :) — it moved me.\n\nNo? Mr. X ...  left . . . early!'


def sample(string, units="words", spec=InputSpec()):  # noqa: B008 - frozen
    return read(spec, "model", text(string, units))


def letters(string):
    """Every two letters of a word are a token."""
    return [
        (place, min(place + 2, end))
        for start, end in _words(string)
        for place in range(start, end, 2)
    ]


def _words(string):
    made = sample(string).text
    return made.spans


def without(made, *hidden, fill="drop"):
    mask = np.ones((1, *made.shape))
    mask[0, list(hidden)] = 0
    (found,) = made.masked(mask, made.fill(fill, 0))
    return found


def test_words_are_what_stands_between_blanks():
    assert sample(SAID).text.words == tuple(SAID.split())


def test_sentences_end_with_their_marks():
    assert sample(SAID, "sentences").text.words == (
        'Not bad, "at all"  :) — it moved me.',
        "No?",
        "Mr.",
        "X ...",
        "left . . .",
        "early!",
    )


def test_tokens_are_the_models_own():
    spec = TextSpec("[MASK]", letters)
    made = sample("movie plot", "tokens", InputSpec(text=spec))
    assert made.text.words == ("mo", "vi", "e", "pl", "ot")
    assert without(made, 2) == "movi plot"
    assert without(made, 0, 1) == "e plot"
    assert without(made, 1, fill="mask") == "mo[MASK]e plot"
    with pytest.raises(SettingError, match="brings no tokenizer"):
        sample("movie plot", "tokens")


def test_tokens_that_hold_blanks_or_share_a_letter():
    spans = [(0, 3), (3, 7), (7, 8), (8, 9), (8, 9), (8, 10), (10, 10), (10, 13)]
    spec = TextSpec("[MASK]", lambda string: spans)
    made = sample("not bad 犬猫 at", "tokens", InputSpec(text=spec))
    assert made.text.words == ("not", "bad", "犬猫", "at")
    assert without(made, 1, fill="mask") == "not [MASK] 犬猫 at"
    assert without(made, 2) == "not bad at"


def test_hidden_words_are_left_out_or_replaced():
    made = sample("  not bad\tat all ")
    assert without(made) == "  not bad\tat all "
    assert without(made, 1) == "not at all"
    assert without(made, 0, 3) == "bad\tat"
    assert without(made, 0, 1, 2, 3) == ""
    assert without(made, 1, fill="[X]") == "  not [X]\tat all "


@given(st.text(min_size=1), st.integers(0, 9))
@example("0 \x00", 0)  # an array of strings loses a 0 at the end
def test_what_is_kept_is_what_was_there(string, seed):
    if len(string.split()) < 2:
        return
    made = sample(string)
    kept = np.random.default_rng(seed).random((1, *made.shape)) < 0.5
    (shown,) = made.masked(kept, made.fill("drop", 0))
    assert shown.split() == [w for w, there in zip(made.text.words, kept[0], strict=True) if there]
    (replaced,) = made.masked(kept, made.fill("[X]", 0))
    assert len(replaced.split()) == len(made.text.words)
    (whole,) = made.whole()
    assert whole == string == "".join([made.text.gaps[0], *_woven(made)])


def _woven(made):
    return [w + g for w, g in zip(made.text.words, made.text.gaps[1:], strict=True)]


def test_steps_turn_units_in_their_order():
    made = sample("not bad at all")
    order, edges, whole = np.array([2, 0, 1, 3]), [0, 1, 4], made.array
    gone = [t for batch in made.steps(whole, made.fill("drop", 0), order, edges, 2) for t in batch]
    assert gone == ["not bad at all", "not bad all", ""]
    shown = [t for batch in made.steps(made.fill("_", 0), whole, order, edges, 2) for t in batch]
    assert shown == ["_ _ _ _", "_ _ at _", "not bad at all"]
    zero = [t for batch in made.steps(np.zeros_like(whole), whole, order, edges, 9) for t in batch]
    assert zero == ["", "at", "not bad at all"]


def test_one_text_is_known_from_another():
    assert (sample("not bad").array > 0).all()
    assert (sample("not bad").array != sample("bad not").array).all()


@pytest.mark.parametrize(
    ("string", "units", "match"),
    [
        ("", "words", "is empty"),
        (" \n ", "words", "is empty"),
        (b"not bad", "words", "type bytes"),
        (["not", "bad"], "words", "type list"),
        ("not bad", "letters", "units"),
        ("not \ud800 bad", "words", "UTF-8"),
        ("fine.", "words", "single word.*units='tokens'"),
        ("not bad.", "sentences", "single sentence.*units='words'"),
        ("w " * 10_000, "words", "10,000 words.*1,024.*units='sentences'"),
    ],
)
def test_what_cannot_be_explained_is_refused(string, units, match):
    with pytest.raises(SettingError, match=match):
        sample(string, units)


def test_another_kind_of_input_is_refused():
    with pytest.raises(ModelError, match=r"takes pictures or arrays \(layout NCHW\)"):
        sample("not bad", spec=InputSpec(layout="NCHW"))
    with pytest.raises(ModelError, match=r"takes texts, and this is a ndarray.*unmask.text"):
        read(InputSpec(text=TextSpec()), "model", np.zeros((2, 3)))


@pytest.mark.parametrize("fill", ["mean", "blur", " ", (255, 0, 0), np.zeros(2)])
def test_fills_of_pictures_are_refused(fill):
    with pytest.raises(SettingError, match=r"'drop'.*'mask'.*a word that you give"):
        sample("not bad").fill(fill, 0)


def test_a_mask_token_has_to_be_known():
    with pytest.raises(SettingError, match="names no mask token"):
        sample("not bad").fill("mask", 0)

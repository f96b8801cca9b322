"""Answers: is a character's map on it, does an answer's cue lead, what do tokens cost?

- Lines: the recognizer reads each line; the share of its drawn characters whose map peaks within
  half a character's width (from CTC's alignment of the whole line) of where it stands. Of blanks,
  where nothing is drawn, the share is told beside it.
- Cue: 50 prompts in which a cue is planted once, and the answer repeats it: the share in which the
  cue's word has the largest value. The small language model repeats numbers ("328"), and hardly any
  name; a larger one (--language) is asked for the name in a sentence.
- Reviews (--language): few-shot sentiment: how often is one of the words that say it the largest?
- Tokens: time of a call while every token of a long answer is a target (200 and more with
  --language), over that of the whole alone, and the memory of a run.

Exit status 1 if a bar is missed.
"""

from __future__ import annotations

import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from common import high_water, needed, parser, percent, start, verdict

import unmask
from unmask.inputs import read
from unmask.models import ctc

if TYPE_CHECKING:
    from pathlib import Path

# The small model repeats nothing over more than a few words: what it does repeat was tried out.
FRAMES = (
    "As I adapt, {}:",
    "I see {} or",
    "I dream of {} or",
    "weights {} and weights",
    "layers {} plus",
)
NUMBERS = ("328", "0.15", "128", "0.73", "512", "64", "0.9", "256", "3.5", "1024")
STORIES = (
    "{} opened the door and let the dog into the garden.",
    "Yesterday the letter for {} arrived with the morning post.",
    "A little girl named {} lived near the old mill.",
    "The teacher asked {} to read the poem aloud.",
    "Please meet my brother {} at the station tonight.",
)
ASKED = "{}\nThe name in this text is"
NAMES = (
    "Anna",
    "Peter",
    "Maria",
    "Oliver",
    "Clara",
    "Victor",
    "Sophie",
    "Daniel",
    "Laura",
    "Simon",
)
FEW = 128  # masks, of the larger model
FEWEST = 64
SHOTS = (
    "Review: A wonderful story with brilliant actors.\nSentiment: positive\n\n"
    "Review: Boring, slow and badly written.\nSentiment: negative\n\n"
    "Review: {}\nSentiment:"
)
REVIEWS = (
    ("The whole film was terrible from start to end", "negative", {"terrible"}),
    ("I had an awful evening with this movie", "negative", {"awful"}),
    ("My family watched this fantastic movie two times", "positive", {"fantastic"}),
    ("The music of this film is beautiful", "positive", {"beautiful"}),
    ("This was the worst picture of the year", "negative", {"worst"}),
    ("We found the second half a complete mess", "negative", {"mess"}),
    ("An excellent film for the whole family", "positive", {"excellent"}),
    ("The plot of this movie is stupid", "negative", {"stupid"}),
    ("It is a charming film about two friends", "positive", {"charming"}),
    ("The acting in this one is dreadful", "negative", {"dreadful"}),
)


def main() -> int:
    flags = parser(__doc__)
    flags.add_argument("--only", choices=("lines", "cue", "reviews", "tokens"), default=None)
    flags.add_argument("--masks", type=int, default=1024, help="of a line")
    flags.add_argument("--language", help="hf:FOLDER of a larger language model")
    asked = flags.parse_args()
    start(asked)
    warnings.simplefilter("ignore")
    real, reached = asked.shared / "real", list[bool]()
    if asked.only in (None, "lines"):
        reached.append(lines(real / "ocr", asked.masks))
    small = unmask.load(
        needed(real / "lm" / "aidreams260K.onnx"), tokenizer=real / "lm" / "tok512.json"
    )
    if asked.only in (None, "cue"):
        share = cue("the small model, numbers", small, FRAMES, NUMBERS)
        reached.append(verdict("cues, small model", share, 0.9, percent, most=False))
        cue("the small model, names", small, FRAMES, NAMES)
    if asked.only in (None, "tokens"):
        reached.append(tokens(small, "the hum of data " * 12, 2048))
    if asked.language:
        large = unmask.load(asked.language, chat=False)
        if asked.only in (None, "cue"):
            share = cue("the larger model, names", large, STORIES, NAMES, ASKED, FEWEST)
            reached.append(verdict("cues, larger model", share, 0.9, percent, most=False))
        if asked.only in (None, "reviews"):
            reached.append(reviews(large))
        if asked.only in (None, "tokens"):
            reached.append(tokens(large, "one two three four five " * 40, 512))
    return 0 if all(reached) else 1


def lines(folder: Path, masks: int) -> bool:
    model = unmask.load(needed(folder / "ppocrv4_rec.onnx"))
    drawn, blank = list[bool](), list[bool]()
    for path in sorted(folder.glob("line*.png")):
        began = time.perf_counter()
        made = unmask.explain(model, path, masks=masks)
        text, near = made.targets[0].label, peaks(model, path, made)
        drawn += [one for one, letter in zip(near, text, strict=True) if letter != " "]
        blank += [one for one, letter in zip(near, text, strict=True) if letter == " "]
        print(
            f"{path.name}: {text!r}, grid {made.plan.masks.grid}, {np.mean(near):.3f} of "
            f"{len(near)}, {time.perf_counter() - began:.0f} s",
            flush=True,
        )
    print(
        f"drawn characters within half a width: {percent(float(np.mean(drawn)))} of {len(drawn)}; "
        f"blanks {percent(float(np.mean(blank)))} of {len(blank)}"
    )
    return verdict("drawn characters", float(np.mean(drawn)), 0.9, percent, most=False)


def peaks(model: unmask.Model, path: Path, made: unmask.Explanation) -> list[bool]:
    """Return for each character whether its map peaks within half its width of where it stands."""
    reader: Any = model.answers
    sample = read(model.input, model.name, path)
    outputs = reader.run(sample.whole())
    ids = [reader.characters.index(one) for one in made.targets[0].label]
    frames, wide = outputs.shape[1], sample.shape[1]
    places = ctc.aligned(outputs, ids, True)
    middles = (np.array([one.mean() for one in places]) + 0.5) * wide / frames
    gaps = np.diff(middles)
    widths = (np.r_[gaps[:1], gaps] + np.r_[gaps, gaps[-1:]]) / 2
    found = made.model_maps[1:].mean(axis=1).argmax(axis=1) + 0.5
    near: list[bool] = (np.abs(found - middles) <= widths / 2).tolist()
    return near


def cue(
    title: str,
    model: unmask.Model,
    frames: tuple[str, ...],
    cues: tuple[str, ...],
    prompt: str | None = None,
    masks: int | None = None,
) -> float:
    leads = []
    for frame in frames:
        for one in cues:
            asked = unmask.answer(one, prompt, of="whole")
            made = unmask.explain(model, unmask.text(frame.format(one)), asked, masks=masks)
            leads.append(one in made.original.words[int(made.map.argmax())])  # type: ignore[union-attr]
    share = float(np.mean(leads))
    print(f"the cue leads, {title}: {percent(share)} of {len(leads)}", flush=True)
    return share


def reviews(model: unmask.Model) -> bool:
    leads = []
    for text, said, words in REVIEWS:
        other = "negative" if said == "positive" else "positive"
        target = unmask.contrast(unmask.answer(said, SHOTS), unmask.answer(other, SHOTS))
        made = unmask.explain(model, unmask.text(text), target, masks=FEW)
        top = made.original.words[int(made.map.argmax())]  # type: ignore[union-attr]
        leads.append(top in words)
        print(f"{said}: {made.targets[0].score:+.2f}, {top!r} leads in {text!r}", flush=True)
    share = float(np.mean(leads))
    return verdict("words of sentiment lead", share, 0.9, percent, most=False)


def tokens(model: unmask.Model, answer: str, masks: int) -> bool:
    """Compare runs of one answer: all of its tokens as targets, and the whole alone."""
    text, seconds = unmask.text("As I dream, patterns"), {}
    for of in ("whole", "all"):
        target = unmask.answer(answer, of=of)
        run = unmask.prepare(model, text, target, masks=masks, design="balanced")
        before, times = high_water(), []
        for _ in range(3):
            began = time.perf_counter()
            for _ in unmask.stream(run):
                pass
            times.append((time.perf_counter() - began) / masks)
        seconds[of] = min(times)
        print(
            f"{len(run.targets)} targets: {1e3 * min(times):.3f} ms a call, "
            f"{high_water() - before:.1f} MB more at the most",
            flush=True,
        )
    growth = seconds["all"] / seconds["whole"] - 1
    return verdict("time of a call grows by", growth, 0.05, percent, most=True)


if __name__ == "__main__":
    sys.exit(main())

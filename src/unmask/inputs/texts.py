"""Texts: words, tokens or sentences that are shown, left out or replaced.

A model of texts takes a list of strings. What is masked are the text's units; a mask has a bit for
each (`unmask.masks.Masks`, units), and a masked text is the string of those that are kept.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

import numpy as np

from unmask._base import schema
from unmask._base.checks import known
from unmask._base.spelling import named
from unmask.errors import FileError, ModelError, SettingError
from unmask.inputs.fills import FILLS
from unmask.inputs.sample import Modality
from unmask.inputs.spec import InputSpec
from unmask.masks.leading import UNITS as MOST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from unmask._base.magnitude import Floats

    Span = tuple[int, int]

__all__ = [
    "TEXT",
    "UNITS",
    "Text",
    "TextOriginal",
    "TextSample",
    "Units",
    "decode_text",
    "text",
]

Units = Literal["words", "tokens", "sentences"]
UNITS: tuple[Units, ...] = get_args(Units)

LEFT_OUT, MASK = "drop", "mask"
WORD = re.compile(r"\S+")
SENTENCE = re.compile(r"\S.*?(?:[.!?…]+[\"'”’»)\]]*(?=\s)|[。！？]+|(?=\n\s*\n)|\Z)", re.DOTALL)
SMALLER = {
    "sentences": ", or take units='words'",
    "words": ", or take units='tokens'",
    "tokens": "",
}
TITLE = 40  # characters of a text that stand for it


@dataclass(frozen=True)
class Text:
    """A text, and what its units are; made by `text`.

    Attributes
    ----------
    string : str
    units : {"words", "tokens", "sentences"}
    """

    string: str
    units: Units = "words"

    def __str__(self) -> str:
        """Return its beginning, by which people know it."""
        line = named(" ".join(self.string.split()))
        return line if len(line) <= TITLE else f"{line[: TITLE - 1]}…"


def text(string: str, units: Units = "words") -> Text:
    """Say that a string is a text to be explained, and what of it is hidden.

    Parameters
    ----------
    string : str
    units : {"words", "tokens", "sentences"}, default "words"
        Words are what stands between blanks, with the punctuation that touches them. Tokens are the
        model's own, for a model that brings its tokenizer. Sentences end with ``.``, ``!`` or
        ``?`` before a blank, or with an empty line.

    Returns
    -------
    Text
        For `unmask.explain`, in the place of a picture.

    Raises
    ------
    SettingError
        No string, an empty one, or no such units.

    Examples
    --------
    >>> import unmask
    >>> def positive(texts):
    ...     return [1.0 * ("good" in text) for text in texts]
    >>> explanation = unmask.explain(positive, unmask.text("a good film"), 0, masks=64)
    >>> explanation.map.round(2)  # the score while a word is there
    array([0.5, 1. , 0.5], dtype=float32)
    """
    if not isinstance(string, str):
        raise SettingError(
            f"a text of type {type(string).__name__}: expected one string, as in "
            "unmask.text('not bad at all')"
        )
    known("units", units, UNITS)
    try:
        string.encode("utf-8")
    except UnicodeEncodeError as error:
        raise SettingError(
            f"the text cannot be written in UTF-8 (at {error.start}): decode it anew"
        ) from error
    if not string.strip():
        raise SettingError("the text is empty: there is nothing in it to hide")
    return Text(string, units)


def decode_text(data: bytes, name: str) -> str:
    """Return a file's text.

    Raises
    ------
    FileError
        It is not in UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileError(f"{name} is no text in UTF-8 ({error.reason} at {error.start})") from error


@dataclass(frozen=True)
class TextOriginal:
    """What the user gave, and where its units are; see `unmask.inputs.sample.Original`.

    Attributes
    ----------
    string : str
    units : {"words", "tokens", "sentences"}
    spans : tuple of (int, int)
        Where each unit begins and ends in `string`.
    """

    string: str
    units: Units
    spans: tuple[Span, ...]
    kind: ClassVar[str] = "text"

    @property
    def shape(self) -> tuple[int]:
        """How many units there are."""
        return (len(self.spans),)

    @property
    def given(self) -> Text:
        """The text."""
        return Text(self.string, self.units)

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Each unit's own characters."""
        return tuple(self.string[start:end] for start, end in self.spans)

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """What stands before the first unit, and after each."""
        ends = [0, *(end for _, end in self.spans)]
        starts = [*(start for start, _ in self.spans), len(self.string)]
        return tuple(self.string[end:start] for end, start in zip(ends, starts, strict=True))

    def back(self, values: Floats, outside: float) -> Floats:  # noqa: ARG002
        """Return a map as it is: it has a value for each unit already."""
        return values

    def forward(self, values: NDArray[Any], outside: float) -> NDArray[np.float64]:  # noqa: ARG002
        """Return a map as it is."""
        return np.asarray(values, np.float64)

    def header(self) -> dict[str, Any]:
        """Return all there is of it."""
        return {"text": self.string, "units": self.units, "spans": [*map(list, self.spans)]}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return nothing: all is in the header."""
        return {}

    def same(self, other: Any) -> bool:
        """Whether another one has the same units in the same text."""
        return isinstance(other, TextOriginal) and self == other


@dataclass(frozen=True, eq=False)
class TextSample:
    """A text whose units are shown or hidden; see `unmask.inputs.sample.Sample`.

    Batches are lists of strings.

    Attributes
    ----------
    text : TextOriginal
    mask_token : str
        The model's own for what is hidden; empty if it names none.
    original : TextOriginal or None
    """

    text: TextOriginal
    mask_token: str = ""
    original: TextOriginal | None = None
    spatial: ClassVar[tuple[int, ...]] = ()
    units: ClassVar[tuple[int, ...]] = (0,)
    nothing: ClassVar[str] = LEFT_OUT

    @cached_property
    def array(self) -> NDArray[np.float32]:
        """A number above 0 for each unit, by which one text is known from another."""
        codes = [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in self.text.words]
        return np.array([(code % 65521 + 1) / 65536 for code in codes], np.float32)

    @property
    def shape(self) -> tuple[int]:
        """How many units there are."""
        return self.text.shape

    @property
    def defaults(self) -> Mapping[str, Any]:
        """A bit for each unit; what is hidden is left out."""
        return {"grid": len(self.text.spans), "shift": False, "fill": LEFT_OUT}

    def whole(self) -> list[str]:
        """Return a batch of this text alone."""
        return [self.text.string]

    def controls(self) -> list[str]:
        """Return an empty text, and this one read backward."""
        return ["", self.text.string[::-1]]

    def fill(self, asked: Any, seed: int) -> NDArray[Any]:  # noqa: ARG002
        """Return the word that stands where one is hidden; an empty one leaves it out."""
        if not isinstance(asked, str) or not asked.strip() or asked in FILLS:
            raise SettingError(
                f"fill={asked!r}: hidden {self.text.units} are left out ({LEFT_OUT!r}), replaced "
                f"by the model's own mask token ({MASK!r}), or by a word that you give, such as "
                "'...'"
            )
        if asked == LEFT_OUT:
            return np.array("")
        if asked != MASK:
            return np.array(asked)
        if not self.mask_token:
            raise SettingError(
                f"fill={MASK!r}: the model names no mask token; give it as fill=, for instance "
                "fill='[MASK]'"
            )
        return np.array(self.mask_token)

    def sent(self, send: Callable[[NDArray[Any]], Any]) -> TextSample:  # noqa: ARG002
        """Return the same: strings stay where they are."""
        return self

    def bare(self) -> TextSample:
        """Return the same; the text is what is masked."""
        return replace(self, original=None)

    def masked(self, mask: Any, fill: Any) -> list[str]:
        """Return texts in which a unit is shown where the mask is more than a half."""
        return self._texts(np.asarray(mask) > 0.5, fill)

    def steps(
        self,
        start: NDArray[Any],
        end: NDArray[Any],
        order: NDArray[np.intp],
        edges: Sequence[int],
        size: int,
    ) -> Iterator[list[str]]:
        """Yield batches of texts that turn from `start` to `end`, unit by unit."""
        shown = _is_shown(start)
        fill = end if shown else start
        for first in range(0, len(edges), size):
            few = edges[first : first + size]
            mask = np.full((len(few), len(order)), shown)
            for one, edge in zip(mask, few, strict=True):
                one[order[:edge]] = not shown
            yield self._texts(mask, fill)

    def _texts(self, shown: NDArray[np.bool_], fill: Any) -> list[str]:
        # A word for each, or, spread over the units, one for all.
        each = fill.dtype.kind == "U" and fill.shape == (len(shown),)
        words = fill.tolist() if each else [_word(fill)] * len(shown)
        rows = zip(shown.tolist(), words, strict=True)
        return [(self._replaced if word else self._left_out)(row, word) for row, word in rows]

    @cached_property
    def _pieces(self) -> tuple[str, ...]:
        pairs = zip(self.text.words, self.text.gaps[1:], strict=True)
        return tuple(word + gap for word, gap in pairs)

    @cached_property
    def _apart(self) -> bool:
        """Whether a blank follows each unit but the last, as it does where they are words."""
        return all(gap[-1:].isspace() and not gap.strip() for gap in self.text.gaps[1:-1])

    def _replaced(self, shown: Sequence[bool], word: str) -> str:
        lead, *gaps = self.text.gaps
        kept = (own if there else word for own, there in zip(self.text.words, shown, strict=True))
        return lead + "".join(own + gap for own, gap in zip(kept, gaps, strict=True))

    def _left_out(self, shown: Sequence[bool], word: str) -> str:  # noqa: ARG002
        if all(shown):
            return self.text.string
        lead, *gaps = self.text.gaps
        if self._apart:
            return (lead + "".join(compress(self._pieces, shown))).strip()
        parts, last = [lead], lead[-1:]
        for own, gap, there in zip(self.text.words, gaps, shown, strict=True):
            # After a hidden last token of a word, the next word stays another one.
            # What is no unit, such as a mask token that is filled, is never left out.
            apart = gap if gap.strip() or last.strip() else ""
            part = own + gap if there else apart if last.strip() else apart.lstrip()
            parts.append(part)
            last = part[-1:] or last
        return "".join(parts).strip()


def _is_shown(values: NDArray[Any]) -> bool:
    """Whether an array is the text's own, not what is shown in its place."""
    return values.dtype.kind != "U" and bool(np.any(values))


def _word(fill: NDArray[Any]) -> str:
    return str(fill.flat[0]) if fill.dtype.kind == "U" else ""


def _spans(given: Text, spec: InputSpec, name: str) -> tuple[Span, ...]:
    spans, held = _all_spans(given, spec, name), "" if spec.text is None else spec.text.held
    if not held or held not in given.string:
        return spans
    parts = [found.span() for found in re.finditer(re.escape(held), given.string)]
    cut = tuple(piece for span in spans for piece in _without(span, parts))
    return _apart(given.string, cut)


def _without(span: Span, parts: Sequence[Span]) -> Iterator[Span]:
    """Yield what of a span is in none of some parts, which are in order."""
    begin, end = span
    for first, last in parts:
        if begin < last and first < end:
            yield begin, first
            begin = last
    yield begin, end


def _all_spans(given: Text, spec: InputSpec, name: str) -> tuple[Span, ...]:
    string = given.string
    match given.units:
        case "words":
            return tuple(found.span() for found in WORD.finditer(string))
        case "sentences":
            return _sentences(string)
        case _:
            tokens = None if spec.text is None else spec.text.tokens
            if tokens is None:
                raise SettingError(
                    f"units='tokens': {name} brings no tokenizer, so what its tokens are is not "
                    "known; take units='words'"
                )
            return _apart(string, tokens(string))


def _apart(string: str, tokens: Sequence[Span]) -> tuple[Span, ...]:
    """Return spans without the blanks around them; those that share a letter are one."""
    spans: list[Span] = []
    for begin, end in tokens:
        own = string[begin:end]
        start = begin + len(own) - len(own.lstrip())
        end = start + len(own.strip())
        if spans and start < spans[-1][1]:  # bytes of one letter are several tokens
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        elif end > start:
            spans.append((start, end))
    return tuple(spans)


def _sentences(string: str) -> tuple[Span, ...]:
    spans: list[Span] = []
    for found in SENTENCE.finditer(string):
        start, end = found.start(), found.start() + len(found.group().rstrip())
        if spans and not re.search(r"\w", found.group()):
            spans[-1] = (spans[-1][0], end)  # dots that stand by themselves
        else:
            spans.append((start, end))
    return tuple(spans)


def _reads(spec: InputSpec, given: Any, raw: bool) -> bool:  # noqa: ARG001
    return isinstance(given, Text) or spec.text is not None


def _read(spec: InputSpec, name: str, given: Any, raw: bool) -> TextSample:  # noqa: ARG001
    if not isinstance(given, Text):
        raise ModelError(
            f"{name} takes texts, and this is a {type(given).__name__}: give it "
            "unmask.text('...'), on the command line --text or a .txt file"
        )
    # A function says nothing of what it takes.
    if spec.text is None and spec != InputSpec():
        raise ModelError(f"{name} takes pictures or arrays (layout {spec.layout}), and no text")
    spans = _spans(given, spec, name)
    if not spans:
        raise SettingError(f"the text has no {given.units}: there is nothing in it to hide")
    if len(spans) == 1:
        raise SettingError(
            f"the text is a single {given.units[:-1]}, and there is nothing to compare it with: "
            f"give a longer one{SMALLER[given.units]}"
        )
    if len(spans) > MOST:
        raise SettingError(
            f"the text has {len(spans):,} {given.units}, and at most {MOST:,} can be told from "
            "each other: take units='sentences', or explain a part of it"
        )
    original = TextOriginal(given.string, given.units, spans)
    return TextSample(original, "" if spec.text is None else spec.text.mask_token, original)


def _original(
    header: Mapping[str, Any],
    arrays: Mapping[str, Any],  # noqa: ARG001
    shape: tuple[int, ...],
) -> TextOriginal:
    missing = [name for name in ("text", "units", "spans") if name not in header]
    if missing:
        raise ValueError(f"of the text, {', '.join(missing)} is missing")
    string, spans = header["text"], header["spans"]
    edges = [edge for span in spans for edge in span]
    if (len(spans),) != shape or sorted(edges) != edges or edges[-1] > len(string):
        raise ValueError("the text is not that of the masks")
    return TextOriginal(string, header["units"], tuple((start, end) for start, end in spans))


TEXT = Modality(
    "text",
    _reads,
    _read,
    _original,
    {
        "text": schema.text,
        "units": schema.one_of(UNITS),
        "spans": schema.listed(schema.listed(schema.whole(0), 2, 2), 1),
    },
)

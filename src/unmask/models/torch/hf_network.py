"""Networks of transformers that write text: what goes in, and log-probabilities out."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from unmask.errors import ModelError
from unmask.models.language import chunks
from unmask.models.torch.runner import device_of, evaluating

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Item", "Network", "limit_of"]

UNLIMITED = 10**6  # what a tokenizer says that knows no limit
LENGTHS = ("max_position_embeddings", "n_positions", "seq_length", "n_ctx")
# Beside ids, what has an entry for each token.
BY_TOKEN = ("token_type_ids", "mm_token_type_ids")


class Item(NamedTuple):
    """One thing that is said to a model.

    Attributes
    ----------
    text : str
    picture : ndarray of uint8, shape (H, W, 3), or None
    """

    text: str
    picture: NDArray[np.uint8] | None = None


@dataclass(frozen=True, eq=False)
class Network:
    """A network of transformers; see `unmask.models.language.Network`.

    Attributes
    ----------
    name : str
    model : transformers.PreTrainedModel
    tokenizer
    processor
        Of pictures, or of both; None for a model of texts.
    chat : bool
        Whether the chat template is used.
    """

    name: str
    model: Any
    tokenizer: Any
    processor: Any
    chat: bool

    @property
    def limit(self) -> int | None:
        """Most tokens, where they are known; a decoder with an encoder counts its own."""
        return None if self.decodes else limit_of(self.model, self.tokenizer)

    @cached_property
    def decodes(self) -> bool:
        """Whether an encoder takes what is said, and a decoder writes the answer."""
        own = bool(getattr(self.model.config, "is_encoder_decoder", False))
        return own or "EncoderDecoder" in type(self.model).__name__

    @property
    def continues(self) -> bool:
        """Whether an answer continues what was said."""
        return not self.decodes

    @cached_property
    def ends(self) -> frozenset[int]:
        """Tokens that end an answer."""
        said = getattr(getattr(self.model, "generation_config", None), "eos_token_id", None)
        found = said if isinstance(said, list) else [said]
        token = self.tokenizer
        return frozenset(
            one for one in (*found, token.eos_token_id, token.sep_token_id) if one is not None
        )

    @property
    def size(self) -> int:
        """How many tokens it knows."""
        return len(self.tokenizer)

    def said(self, prompt: str) -> str:
        """Return what is said to the model, in its chat template or with the picture's token."""
        token = getattr(self.processor, "image_token", None)
        if not self.chat:
            placed = self.processor is not None and token and token not in prompt
            return f"{token}\n{prompt}" if placed else prompt
        holder = (
            self.processor if getattr(self.processor, "chat_template", None) else self.tokenizer
        )
        parts: Any = prompt
        if self.processor is not None:
            parts = [{"type": "image"}, *([{"type": "text", "text": prompt}] if prompt else [])]
        messages = [{"role": "user", "content": parts}]
        text: str = holder.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        return text

    def encode(self, text: str) -> list[int]:
        """Return the tokens of what is said, without what would end it."""
        ids = list(self.tokenizer(text, add_special_tokens=not self.chat).input_ids)
        while ids and ids[-1] in self.ends and not self.decodes:
            ids.pop()
        return ids

    def encode_answer(self, text: str) -> list[int]:
        """Return the tokens of a text alone."""
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Return tokens as text."""
        return str(self.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))

    def length(self, contexts: Sequence[Item]) -> int:
        """Return the tokens of the first context."""
        return int(self._inputs(contexts[:1])["input_ids"].shape[1]) if not self.decodes else 0

    def scores(self, contexts: Sequence[Item], answer: Sequence[int], asked: Any) -> Array:
        """Return log-probabilities; see `unmask.models.language.Network.scores`."""
        import torch

        places, tokens = (list(side) for side in zip(*asked, strict=True))
        found, starts = (
            np.empty((len(contexts), len(places))),
            chunks(len(contexts), (len(answer) + 1) * self.size),
        )
        for first in starts:
            few = contexts[first : first + starts.step]
            for rows in self._alike(few):
                with torch.inference_mode(), evaluating(self.model):
                    logits = self._logits([few[row] for row in rows], answer)
                    logs = logits[:, places].double().log_softmax(dim=2)
                    picked = logs[:, list(range(len(places))), tokens]
                found[[first + row for row in rows]] = picked.cpu().numpy()
        return found

    def best(self, context: Sequence[Item], answer: Sequence[int]) -> int:
        """Return the likeliest token after one context and an answer so far."""
        import torch

        with torch.inference_mode(), evaluating(self.model):
            return int(self._logits(list(context[:1]), answer)[0, -1].argmax())

    def of_masks(
        self, rows: Sequence[list[int]], places: Sequence[Sequence[int]], tokens: Sequence[int]
    ) -> Array:
        """Return log-probabilities of tokens at places of rows, as of a masked language model."""
        import torch

        length, pad = max(map(len, rows)), self._pad
        ids = torch.tensor([[*row, *[pad] * (length - len(row))] for row in rows])
        there = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
        device = device_of(self.model)
        with torch.inference_mode(), evaluating(self.model):
            logits = self.model(input_ids=ids.to(device), attention_mask=there.to(device)).logits
            at = torch.tensor([list(place) for place in places], device=logits.device)
            picked = logits[torch.arange(len(rows), device=logits.device)[:, None], at].double()
            logs = picked.log_softmax(dim=2)[:, list(range(len(tokens))), list(tokens)]
        return np.asarray(logs.cpu().numpy())

    @cached_property
    def _takes(self) -> frozenset[str]:
        return frozenset(inspect.signature(self.model.forward).parameters)

    @property
    def _pad(self) -> int:
        pad = self.tokenizer.pad_token_id
        return pad if pad is not None else next(iter(sorted(self.ends)), 0)

    @cached_property
    def _start(self) -> int:
        """What an answer begins with where nothing was said."""
        config = self.model.config
        text = getattr(config, "text_config", None) or getattr(config, "decoder", None)
        names = ("decoder_start_token_id", "bos_token_id") if self.decodes else ("bos_token_id",)
        found = [
            getattr(one, name, None)
            for name in names
            for one in (config, getattr(self.model, "generation_config", None), text)
        ]
        own = self.tokenizer
        said = [*found, own.bos_token_id, own.cls_token_id, own.eos_token_id, 0]
        return int(next(one for one in said if one is not None))

    def _alike(self, items: Sequence[Item]) -> Iterable[list[int]]:
        """Return which items go together: all where shorter ones can be filled up to the left."""
        whole = self.processor is None and {"position_ids", "attention_mask"} <= self._takes
        if whole or self.decodes or len({item.text for item in items}) == 1:
            return [list(range(len(items)))]
        groups: dict[int, list[int]] = {}
        for number, item in enumerate(items):
            groups.setdefault(len(self.encode(item.text)), []).append(number)
        return groups.values()

    def _inputs(self, items: Sequence[Item]) -> dict[str, Any]:
        """Return what the model takes for items, as tensors."""
        if self.processor is None:
            return self._of_texts(items)
        import torch

        device = device_of(self.model)
        pictures, texts = [item.picture for item in items], [item.text for item in items]
        inner = getattr(self.processor, "image_processor", self.processor)
        if getattr(self.processor, "image_token", None) is None:
            given = dict(inner(images=pictures, return_tensors="pt"))
            if not self.decodes or "input_ids" in self._takes:
                given |= self._of_texts(items)
        else:
            special = {"add_special_tokens": False} if self.chat else {}
            given = dict(
                self.processor(
                    images=[[one] for one in pictures], text=texts, return_tensors="pt", **special
                )
            )
        kind = next((p.dtype for p in self.model.parameters() if p.is_floating_point()), None)
        return {
            name: one.to(device, kind if one.is_floating_point() else None)
            for name, one in given.items()
            if isinstance(one, torch.Tensor) and name in self._accepted
        }

    @property
    def _accepted(self) -> frozenset[str]:
        # What a model passes on to its parts is not all among its own parameters.
        return self._takes | ({"pixel_values"} if "kwargs" in self._takes else frozenset())

    def _of_texts(self, items: Sequence[Item]) -> dict[str, Any]:
        import torch

        rows = [self.encode(item.text) or [self._start] for item in items]
        if self.model.config.model_type == "blip":  # as its own generate does
            rows = [[self._start, *row[1:]] for row in rows]
        length, device = max(map(len, rows)), device_of(self.model)
        left = not self.decodes
        filled = [[self._pad] * (length - len(row)) for row in rows]
        there = [[0] * len(pad) for pad in filled]
        pairs = list(zip(filled, there, rows, strict=True))
        ids = [[*pad, *row] if left else [*row, *pad] for pad, _, row in pairs]
        mask = [[*no, *[1] * len(row)] if left else [*[1] * len(row), *no] for _, no, row in pairs]
        given = {"input_ids": torch.tensor(ids, device=device)}
        return given | {"attention_mask": torch.tensor(mask, device=device)}

    def _logits(self, items: Sequence[Item], answer: Sequence[int]) -> Any:
        """Return scores of every token after items and each beginning of an answer."""
        import torch

        given, n = self._inputs(items), len(items)
        if self.decodes:
            said = [] if "input_ids" in given else self._spoken(items)
            ids = torch.tensor([[self._start, *said, *answer]] * n, device=device_of(self.model))
            logits = self.model(**given, decoder_input_ids=ids).logits
            return logits[:, -(len(answer) + 1) :]
        ids = given["input_ids"]
        more = torch.tensor([list(answer)] * n, dtype=ids.dtype, device=ids.device).reshape(n, -1)
        given["input_ids"] = torch.cat([ids, more], dim=1)
        there = given.get("attention_mask")
        if there is not None:
            given["attention_mask"] = torch.cat([there, torch.ones_like(more)], dim=1)
        for name in BY_TOKEN:
            if name in given:
                given[name] = torch.cat([given[name], torch.zeros_like(more)], dim=1)
        if self.processor is None and "position_ids" in self._takes and there is not None:
            given["position_ids"] = (given["attention_mask"].cumsum(dim=1) - 1).clamp(min=0)
        if "logits_to_keep" in self._takes:
            given["logits_to_keep"] = len(answer) + 1
        logits = self.model(**given).logits
        if logits is None or logits.ndim != 3:
            raise ModelError(f"{self.name} returned no scores of tokens (n, length, tokens)")
        return logits[:, -(len(answer) + 1) :]

    def _spoken(self, items: Sequence[Item]) -> list[int]:
        """Return what is said to a decoder whose encoder sees the picture alone."""
        return self.encode_answer(items[0].text) if items[0].text else []


def limit_of(model: Any, tokenizer: Any) -> int | None:
    """Return most tokens that a model takes; None where nobody says."""
    config = getattr(model.config, "text_config", None) or model.config
    limits = [tokenizer.model_max_length, *(getattr(config, name, None) for name in LENGTHS)]
    known = [one for one in limits if isinstance(one, int) and 0 < one < UNLIMITED]
    return min(known) if known else None

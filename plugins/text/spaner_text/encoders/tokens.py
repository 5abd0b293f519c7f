"""Tokenizes a text into windows of token ids, nothing cut off."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from spaner_core import ConfigError, OptionError, window_starts
from spaner_core.pretrained.adapters import without_adapter
from spaner_core.pretrained.transformers_models import load_auto
from torch import nn

from spaner_text.encoders.sentence_folder import SentenceLayout
from spaner_text.options import TransformerOptions

UNKNOWN_LENGTH = 512
"""Tokens that a model reads at once where neither it nor its tokenizer sets a limit."""

NO_LIMIT = 10**9
"""From here on a tokenizer's model_max_length is a way to write that it does not know."""

PROBE = "a"
"""A text of which every tokenizer makes a token."""


class Tokens:
    """Cuts texts into windows of ids: the tokenizer's special tokens, the prefix, part of a text.

    A window has at most `window_tokens`, special tokens and prefix included. Windows of one text
    share `overlap` of what they hold of it.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        window_tokens: int,
        overlap: float = 0.0,
        prefix: str = "",
        lower_case: bool = False,
    ) -> None:
        self._tokenizer = tokenizer
        self._overlap, self._prefix, self._lower_case = overlap, prefix, lower_case
        self.window_tokens = window_tokens
        self.pad = tokenizer.pad_token_id or 0  # masked wherever it stands
        self._before, self._after = _around(list(tokenizer(PROBE)["input_ids"]), self.ids(PROBE))
        self._prefix_ids = self.ids(prefix) if prefix else []
        taken = len(self._before) + len(self._prefix_ids) + len(self._after)
        if taken >= window_tokens:
            raise _wrong_window(
                f"a window of {window_tokens} tokens has {taken} taken by special tokens and "
                "prefix; expected room for at least one more; widen window_tokens or shorten prefix"
            )

    def ids(self, text: str) -> list[int]:
        """Return the ids of all of a text, without special tokens."""
        text = text.lower() if self._lower_case else text
        encoded = self._tokenizer(text, add_special_tokens=False, truncation=False, verbose=False)
        return list(encoded["input_ids"])

    def windows(self, text: str) -> list[list[int]]:
        """Cut a text into windows; every token of it is in one of them.

        White space around the text is no part of it.
        """
        body = self.ids(self._prefix + text.strip())
        shared = _shared(self._prefix_ids, body)  # read with the text, its last token may differ
        before, body = [*self._before, *body[:shared]], body[shared:]
        room = self.window_tokens - len(before) - len(self._after)
        hop = max(1, room - int(room * self._overlap))
        starts = window_starts(len(body), window=room, hop=hop)
        return [[*before, *body[start : start + room], *self._after] for start in starts]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides which windows a text has."""
        described = {
            "content": _describe(self._tokenizer),
            "around": [self._before, self._after],
            "windows": [self.window_tokens, self._overlap],
            "text": [self._prefix, self._lower_case],
        }
        return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def load_tokens(
    model: str, transformer: nn.Module, options: TransformerOptions, *, layout: SentenceLayout
) -> Tokens:
    """Load the tokenizer of the model in a folder or on the Hub.

    Raises `ConfigError` where the tokenizer is missing or is not the model's.
    """
    from transformers import AutoTokenizer

    tokenizer = load_auto(
        AutoTokenizer,
        model,
        files="tokenizer.json or the tokenizer's own files",
        trust_remote_code=options.trust_remote_code,
    )
    _check_ids(model, tokenizer, transformer)
    prefix = layout.prefix if options.prefix is None else options.prefix
    if prefix and not layout.pools_prefix:
        raise ConfigError(
            f"model {model!r} leaves its prefix {prefix!r} out of the pooling; expected a model "
            "that pools all it reads; name another, or set prefix to nothing"
        )
    longest = _longest(tokenizer, transformer, layout.max_tokens)
    if longest and options.window_tokens and options.window_tokens > longest:
        raise _wrong_window(
            f"window_tokens is {options.window_tokens}; expected at most {longest}, which is what "
            "the model reads at once; lower it, or leave it out"
        )
    return Tokens(
        tokenizer,
        window_tokens=options.window_tokens or longest or UNKNOWN_LENGTH,
        overlap=options.overlap,
        prefix=prefix,
        lower_case=layout.lower_case,
    )


def _longest(tokenizer: Any, transformer: nn.Module, made_for: int | None) -> int | None:
    """Return how many tokens a window may have, special ones included; None if nothing says."""
    wished = made_for or tokenizer.model_max_length
    limits = [wished if wished < NO_LIMIT else None, _places(transformer)]
    return min((int(limit) for limit in limits if limit), default=None)


def _places(transformer: nn.Module) -> int | None:
    """Return how many positions the model knows, None where any number will do."""
    for name, module in transformer.named_modules():
        places = without_adapter(module)
        if not (name.endswith("position_embeddings") and isinstance(places, nn.Embedding)):
            continue
        if places.padding_idx is not None:  # RoBERTa counts from behind the padding
            return places.num_embeddings - places.padding_idx - 1
    config: Any = transformer.config
    known = int(getattr(config, "max_position_embeddings", None) or 0)
    return known if known > 0 else None


def _around(whole: list[int], body: list[int]) -> tuple[list[int], list[int]]:
    """Return the special tokens before and after `body`, a text's own ids, in `whole`."""
    for start in range(len(whole) - len(body) + 1):
        if body and whole[start : start + len(body)] == body:
            return whole[:start], whole[start + len(body) :]
    raise ConfigError(
        f"the tokenizer makes {whole} of {PROBE!r}, and {body} without special tokens; expected "
        "the second within the first; name a model with another tokenizer"
    )


def _shared(one: list[int], other: list[int]) -> int:
    """Return at how many places two lists begin alike."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _wrong_window(problem: str) -> OptionError:
    return OptionError([("window_tokens", problem)])


def _check_ids(model: str, tokenizer: Any, transformer: Any) -> None:
    embeddings = without_adapter(transformer.get_input_embeddings())
    if not isinstance(embeddings, nn.Embedding):
        raise ConfigError(
            f"model {model!r} is a {type(transformer).__name__}, which reads no token ids; "
            "expected a model of text; name one"
        )
    vocabulary = tokenizer.get_vocab()
    if len(vocabulary.keys() - set(tokenizer.all_special_tokens)) < 2:
        raise ConfigError(  # the library makes an empty one where there is none
            f"model {model!r} comes without a tokenizer; expected tokenizer.json, or the "
            "tokenizer's own files, beside its weights; put the model's own there"
        )
    highest = max(vocabulary.values())
    if highest >= embeddings.num_embeddings:
        raise ConfigError(
            f"model {model!r}: the tokenizer's ids go up to {highest}, the model's embeddings to "
            f"{embeddings.num_embeddings - 1}; expected the tokenizer that it was trained with; "
            "put that into its folder"
        )


def _describe(tokenizer: Any) -> dict[str, Any]:
    """Return a tokenizer's content, whatever it was last used for and wherever it came from."""
    if tokenizer.is_fast:
        content: dict[str, Any] = json.loads(tokenizer.backend_tokenizer.to_str())
        return {key: v for key, v in content.items() if key not in ("truncation", "padding")}
    return {
        "type": type(tokenizer).__name__,
        "vocabulary": tokenizer.get_vocab(),
        "flags": {k: v for k, v in tokenizer.init_kwargs.items() if isinstance(v, bool | int)},
        "special": {key: str(value) for key, value in tokenizer.special_tokens_map.items()},
    }

"""Checks what a plugin's hooks return, before anything uses it.

pluggy passes on whatever a hook returns. Unchecked, an encoder without a fingerprint would fail
far from its cause, or worse, be stored.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from spaner_core.contract.hook_checks import REQUIRED_HOOKS
from spaner_core.contract.modality import (
    Aligner,
    Corruption,
    Encoder,
    Examples,
    FeatureSpec,
    Modality,
    Preview,
)
from spaner_core.contract.plugin_code import PluginCode
from spaner_core.contract.transform import Transform


def check_answer(code: PluginCode, hook: str, answer: object) -> None:
    """Raise `PluginError` unless `answer` is what the contract lets `hook` return."""
    rule = _RULES[hook]
    with code.running(f"reading what {hook} returned"):  # attributes may be code too
        if answer is not None:
            wrong = rule.wrong(answer)
        else:
            wrong = "None" if hook in REQUIRED_HOOKS else None
    if wrong is not None:
        raise code.broken(f"{hook} returned {wrong}", rule.expected)


class _Rule(NamedTuple):
    """What an answer must be, and what says how one that is not None falls short of it."""

    expected: str
    wrong: Callable[[Any], str | None]


def _kind(answer: object) -> str:
    return type(answer).__name__


def _instance(kind: type) -> Callable[[Any], str | None]:
    return lambda answer: None if isinstance(answer, kind) else _kind(answer)


def _lacks(answer: object, protocol: type) -> str | None:
    """Name the members of `protocol` that `answer` has not, methods that are none included."""
    missing = [
        name
        for name, member in vars(protocol).items()
        if name == "__call__" or not name.startswith("_")
        if not hasattr(answer, name) or (callable(member) and not callable(getattr(answer, name)))
    ]
    return f"{_kind(answer)} without {', '.join(missing)}" if missing else None


def _wrong_modality(answer: Any) -> str | None:
    if not isinstance(answer, Modality):
        return _kind(answer)
    suffixes: Any = answer.suffixes
    if not isinstance(suffixes, tuple) or not all(_is_suffix(suffix) for suffix in suffixes):
        return f"the suffixes {suffixes!r}"
    return None


def _is_suffix(suffix: object) -> bool:
    return isinstance(suffix, str) and suffix.startswith(".") and suffix == suffix.lower()


def _wrong_encoder(answer: Any) -> str | None:
    lacks = _lacks(answer, Encoder)
    if lacks is None and not isinstance(answer.features, FeatureSpec):
        return f"{_kind(answer)} whose features are {_kind(answer.features)}"
    return lacks or _wrong_fingerprint(answer)


def _wrong_transform(answer: Any) -> str | None:
    return _lacks(answer, Transform) or _wrong_fingerprint(answer)


def _wrong_fingerprint(answer: Any) -> str | None:
    if isinstance(answer.fingerprint, str) and answer.fingerprint:
        return None
    return f"{_kind(answer)} whose fingerprint is {answer.fingerprint!r}"


def _wrong_aligner(answer: Any) -> str | None:
    from torch import nn

    if not isinstance(answer, nn.Module):
        return f"{_kind(answer)}, which is no torch.nn.Module"
    if type(answer).forward is nn.Module.forward:  # every module has one that only raises
        return f"{_kind(answer)} without forward"
    return _lacks(answer, Aligner)


def _wrong_reader(answer: Any) -> str | None:
    from spaner_core.contract.modality import Reader
    from torch import nn

    if not isinstance(answer, nn.Module):
        return f"{_kind(answer)}, which is no torch.nn.Module"
    lacks = _lacks(answer, Reader)
    if lacks is None and not (isinstance(answer.name, str) and answer.name):
        return f"{_kind(answer)} whose name is {answer.name!r}"
    return lacks or _unrecordable(answer)


def _unrecordable(reader: Any) -> str | None:
    options = reader.options
    if isinstance(options, Mapping) and json.loads(json.dumps(dict(options))) == options:
        return None
    return f"{_kind(reader)} whose options are {options!r}"


def _wrong_corruptions(answer: Any) -> str | None:
    if not isinstance(answer, Sequence):
        return _kind(answer)
    for corruption in answer:
        lacks = _lacks(corruption, Corruption)
        if lacks is not None:
            return f"a {lacks}"
        if not isinstance(corruption.name, str) or not corruption.name:
            return f"a {_kind(corruption)} whose name is {corruption.name!r}"
    return None


_RULES = {
    "spaner_modality": _Rule(
        "a spaner_core.Modality, its suffixes a tuple such as ('.png',)", _wrong_modality
    ),
    "spaner_build_encoder": _Rule(
        "a spaner_core.Encoder, its features a FeatureSpec and its fingerprint a text",
        _wrong_encoder,
    ),
    "spaner_build_transform": _Rule(
        "a spaner_core.Transform, its fingerprint a text", _wrong_transform
    ),
    "spaner_build_aligner": _Rule(
        "a torch.nn.Module with the methods of spaner_core.Aligner, or None", _wrong_aligner
    ),
    "spaner_build_reader": _Rule(
        "a torch.nn.Module with what spaner_core.Reader has, its options as in JSON, or None",
        _wrong_reader,
    ),
    "spaner_recognise": _Rule("True or False", _instance(bool)),
    "spaner_corruptions": _Rule(
        "a sequence of spaner_core.Corruption, each with its name, or None", _wrong_corruptions
    ),
    "spaner_preview": _Rule("a spaner_core.Preview or None", _instance(Preview)),
    "spaner_examples": _Rule("a spaner_core.Examples or None", _instance(Examples)),
}

"""Explains what is wrong with the values of a plugins.yaml."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from spaner_core.contract.expected import brief, quoting, show
from spaner_core.contract.options import unknown_key
from spaner_core.ranges import UNEXPECTED, as_whole
from spaner_core.recipe import TrainingRecipe

from spaner_registry.config.plain_yaml import Document, Keys, Problem
from spaner_registry.config.policy import BY_PURPOSE, FOR_ALL
from spaner_registry.config.values import DEFAULT

_EXPECTED = {
    "dict_type": "a mapping of keys and values",
    "mapping_type": "a mapping of keys and values",
    "model_type": "a mapping of keys and values",
    "dataclass_type": "a mapping of keys and values",
    "tuple_type": "a list in square brackets",
    "string_type": "a text",
}


_WORDS = ("a text", "a path")
"""What is expected where a word without quotes may have been taken for something else."""


def explain(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """Say what each validation error of `document` against `model` means, and where it is."""
    return [
        Problem(document.place(*_keys(detail)), _message(detail, model))
        for detail in error.errors(include_url=False)
        if _keys(detail) not in document.unreadable  # said already
    ]


def contradictions(document: Document) -> Iterator[Problem]:
    """Find values that are right by themselves and wrong together."""
    content = document.content if isinstance(document.content, Mapping) else {}
    prompt, training = content.get("prompt"), content.get("training")
    data, modalities = content.get("data"), content.get("modalities")
    if isinstance(data, Mapping) and isinstance(modalities, Mapping):
        yield from _undeclared_shares(document, data, modalities)
    if isinstance(prompt, Mapping):
        yield from _unread_labels(document, prompt, modalities=content.get("modalities"))
    if isinstance(training, Mapping):
        yield from _endless_warmup(document, training)


def _unread_labels(
    document: Document, prompt: Mapping[Any, Any], *, modalities: object
) -> Iterator[Problem]:
    """Find labels that no modality embeds."""
    source = prompt.get("labels_from")
    if source is None:
        needy = [key for key, value in prompt.items() if (key, value) == ("anchors", "labels")]
        needy += ["labels"] if prompt.get("labels") is not None else []
        for key in needy:
            given = f"prompt.{key} is {show(prompt[key])} without prompt.labels_from"
            remedy = f"add a line such as 'labels_from: text', or remove {key}"
            message = f"{given}; expected the modality that embeds the labels; {remedy}"
            yield Problem(document.place("prompt", key), message)
    elif isinstance(source, str) and isinstance(modalities, Mapping) and source not in modalities:
        declared = [_dotted((name,)) for name in modalities]
        near = difflib.get_close_matches(source, declared, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else "declare it, or name another"
        yield Problem(
            document.place("prompt", "labels_from"),
            f"prompt.labels_from is {source!r}; expected a declared modality "
            f"({', '.join(declared) or 'none'}); {remedy}",
        )


def _undeclared_shares(
    document: Document, data: Mapping[Any, Any], modalities: Mapping[Any, Any]
) -> Iterator[Problem]:
    """Find shares of modalities that there are none of."""
    shares = data.get("max_unusable")
    for name in shares if isinstance(shares, Mapping) else ():
        if isinstance(name, str) and name != DEFAULT and name not in modalities:
            known = [DEFAULT, *(_dotted((declared,)) for declared in modalities)]
            yield Problem(
                document.place("data", "max_unusable", name),
                f"in data.max_unusable: {unknown_key(brief(name), known)}",
            )


def _endless_warmup(document: Document, training: Mapping[Any, Any]) -> Iterator[Problem]:
    """Find a learning rate that still rises when training ends: little or nothing is learnt.

    Where `max_steps` is empty, rows say how many steps there are: see `TrainingRecipe.following`.
    """
    given: dict[str, object] = {"max_steps": None, "warmup_steps": TrainingRecipe.warmup_steps}
    given |= {key: training[key] for key in given if training.get(key) is not None}
    steps, warmup = (as_whole(value) for value in given.values())
    if steps is None or warmup is None or steps < 1 or warmup < steps:  # right, or said already
        return
    key = "warmup_steps" if "warmup_steps" in training else "max_steps"
    default = "" if key == "warmup_steps" else " by default"
    yield Problem(
        document.place("training", key),
        f"training.warmup_steps is {show(given['warmup_steps'])}{default} and training.max_steps "
        f"{show(given['max_steps'])}; expected fewer steps of warm-up than in all; write for "
        f"example 'warmup_steps: {steps // 10}'",
    )


def _keys(detail: Any) -> Keys:
    """Return the keys that lead to what is wrong; pydantic writes odd ones (a date) as text."""
    keys = tuple(key for key in detail["loc"] if key not in ("[key]", FOR_ALL, BY_PURPOSE))
    return (*keys[:-1], detail["input"]) if _is_wrong_key(detail) else keys


def _is_wrong_key(detail: Any) -> bool:
    return detail["type"] == "invalid_key" or "[key]" in detail["loc"]


def _dotted(keys: Keys) -> str:
    """Write keys as prompt.dim, in one line whatever a quoted key contains."""
    return " ".join(".".join(brief(str(key)) for key in keys).split())


def _message(detail: Any, model: type[BaseModel]) -> str:
    keys, kind = _keys(detail), detail["type"]
    dotted, where = _dotted(keys), _dotted(keys[:-1]) or "the file"
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"in {where}: {unknown_key(brief(str(keys[-1])), _known(keys[:-1], model))}"
    field = _field(keys, model)
    if kind in ("missing", "too_short") and field is not None and field.examples:
        given = "is missing" if kind == "missing" else "is empty"
        return f"{dotted} {given}; expected a value; write for example {field.examples[0]!r}"
    if _is_wrong_key(detail):
        named = kind == UNEXPECTED  # the other way for a key to be wrong is to be no text
        remedy = "rename it" if named else quoting(detail["input"]) or "quote it"
        expected = detail["msg"] if named else "a text"
        return f"key {show(detail['input'])} stands in {where}; expected {expected}; {remedy}"
    if not keys:
        return (
            f"the file is {show(detail['input'])}; expected keys such as space, data and "
            "modalities; write for example 'space: runs/base'"
        )
    takes, given = _expected(detail), detail["input"]
    quoted = quoting(given) if takes in _WORDS else None
    return f"{dotted} is {show(given)}; expected {takes}; {quoted or _remedy(field)}"


def _expected(detail: Any) -> str:
    if detail["type"] == "literal_error":
        return f"one of {detail['ctx']['expected']}"
    return str(_EXPECTED.get(detail["type"], detail["msg"]))


def _remedy(field: FieldInfo | None) -> str:
    if field is None or field.is_required():
        return "correct it"
    default = field.get_default(call_default_factory=False)
    if default is None or _fields(type(default)):
        return "correct it or remove it"
    return f"correct it, or remove it for the default {show(default)}"


def _known(keys: Keys, model: type[BaseModel]) -> list[str]:
    return list(_fields(_annotation(keys, model)))


def _field(keys: Keys, model: type[BaseModel]) -> FieldInfo | None:
    """Return the field that `keys` lead to, None for an entry of a mapping or list."""
    if not keys:
        return None
    return _fields(_annotation(keys[:-1], model)).get(str(keys[-1]))


def _annotation(keys: Keys, model: type[BaseModel]) -> Any:
    """Follow `keys` from `model` through fields and mappings to a type, None where it ends."""
    kind: Any = model
    for key in keys:
        if fields := _fields(kind):
            field = fields.get(str(key))
            kind = field.annotation if field is not None else None
        elif get_origin(kind) is not None and get_args(kind):
            kind = get_args(kind)[-1]  # the values of a mapping
        kind = _bare(kind)
    return kind


def _bare(kind: Any) -> Any:
    """Return a type without what annotates it; of several, the last that is not None."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _bare([one for one in get_args(kind) if one is not NoneType][-1])
    return kind


def _fields(kind: Any) -> Mapping[str, FieldInfo]:
    """Return the fields of a model or a pydantic dataclass, none for other types."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_fields
    return getattr(kind, "__pydantic_fields__", {})

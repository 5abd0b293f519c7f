"""Says which modality may be linked to which, and refuses the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from itertools import permutations
from typing import TYPE_CHECKING

from spaner_core.errors import ConfigError, NotPermitted
from spaner_registry.config.policy import Purpose
from spaner_registry.config.settings import Config

from spaner.audit.actions import note_pairs

if TYPE_CHECKING:
    from spaner_core.evaluation.pairs import Linked

WORDS: dict[Purpose, str] = {
    "search": "find",
    "propagate": "take labels from",
    "measure": "be measured with",
    "export": "be given embeddings of",
}


def may_link(config: Config, source: str, target: str, *, purpose: Purpose) -> bool:
    """Whether `policy.links` lets `source` be linked to `target`: everything asks this.

    `source` is what looks, takes labels or is measured as the query; `target` what is found.
    """
    linked = config.policy.linked(source, purpose)
    return linked is None or target in linked


def check_links(
    config: Config, source: str, targets: Sequence[str], *, purpose: Purpose = "search"
) -> None:
    """Raise unless all are declared and `source` may be linked to all `targets`.

    There must be a target. It is a `NotPermitted`, or else a `ConfigError`. The audit log has the
    pairs.
    """
    if not targets:
        raise ConfigError("no modality was named to be found; name one or several, with commas")
    config.check_declared([source, *targets])
    note_pairs(source, targets, purpose=purpose)
    for target in targets:
        if not may_link(config, source, target, purpose=purpose):
            allowed = config.policy.linked(source, purpose) or ()
            raise NotPermitted(
                f"{config.locate('policy', 'links', source)}: {source!r} may not {WORDS[purpose]} "
                f"{target!r}; it may {WORDS[purpose]} {', '.join(allowed) or 'nothing'}. Ask "
                "whoever keeps the policy"
            )


def linked_for(config: Config, purpose: Purpose) -> Linked:
    """Return what tells of two modalities whether they may be linked for a purpose."""
    return partial(may_link, config, purpose=purpose)


def check_measured(config: Config, names: Iterable[str]) -> None:
    """Raise `NotPermitted` where no two of `names` may be measured with each other."""
    pairs = list(permutations(names, 2))
    if pairs and not any(may_link(config, *pair, purpose="measure") for pair in pairs):
        first, second = pairs[0]
        check_links(config, first, [second], purpose="measure")


def measured_links(config: Config, names: Iterable[str]) -> Linked:
    """Return what tells which of the modalities `names` may be measured with which.

    Raises `NotPermitted` where none may. The audit log has the pairs that may.
    """
    names = tuple(names)
    check_measured(config, names)
    return noted_links(config, names, purpose="measure")


def noted_links(config: Config, names: Iterable[str], *, purpose: Purpose) -> Linked:
    """Do as `linked_for`, for what links all that may be: the audit log has these pairs."""
    linked = linked_for(config, purpose)
    for source, target in permutations(names, 2):
        if linked(source, target):
            note_pairs(source, [target], purpose=purpose)
    return linked


def link_notices(config: Config, names: Iterable[str]) -> list[str]:
    """Name the ordered pairs of `names` that may not be measured."""
    refused = [
        f"{source} → {target}"
        for source, target in permutations(names, 2)
        if not may_link(config, source, target, purpose="measure")
    ]
    return [f"policy.links lets these not be measured: {', '.join(refused)}"] if refused else []


def undeclared_links(config: Config) -> list[str]:
    """Name modalities of the policy that are not declared: a slip of the pen, perhaps."""
    return [
        f"{config.locate('policy', 'links')}: {name!r} is linked but not declared under "
        "`modalities:`"
        for name in config.policy.named
        if name not in config.modalities
    ]


def check_all_compared(config: Config, names: Iterable[str]) -> None:
    """Raise `NotPermitted` unless any two of `names` may be measured, one way at least."""
    for first, second in permutations(names, 2):
        if not may_link(config, first, second, purpose="measure"):
            check_links(config, second, [first], purpose="measure")


def unlinked(config: Config, target: str, *, purpose: Purpose) -> list[str]:
    """Name the declared modalities that may not be linked to `target`."""
    return [
        source
        for source in config.modalities
        if not may_link(config, source, target, purpose=purpose)
    ]


def is_served(config: Config, modality: str) -> bool:
    """Whether any declared modality may find `modality`, so that an index of it serves somebody."""
    return len(unlinked(config, modality, purpose="search")) < len(config.modalities)


def check_served(config: Config, modality: str) -> None:
    """Raise `NotPermitted` where nothing may find a modality: an index would serve nobody."""
    if not is_served(config, modality):
        raise NotPermitted(
            f"{config.locate('policy', 'links')}: nothing may find {modality!r}, so it gets no "
            "index. Ask whoever keeps the policy"
        )


def may_look(config: Config, source: str, *, purpose: Purpose) -> bool:
    """Whether a modality may be linked to anything: concepts are named for it only then."""
    return any(may_link(config, source, t, purpose=purpose) for t in config.modalities)


def check_look(config: Config, source: str) -> None:
    """Raise `NotPermitted` where a modality may find nothing: no concept is named for it then."""
    config.check_declared([source])
    if not may_look(config, source, purpose="search"):
        raise NotPermitted(
            f"{config.locate('policy', 'links')}: {source!r} may find nothing, so the concepts of "
            "its inputs are not named. Ask whoever keeps the policy"
        )


def check_export(config: Config, modality: str) -> None:
    """Raise `NotPermitted` where `policy.links` lets no embeddings of a modality be exported.

    They must then not be written where everything can find them.
    """
    if len(unlinked(config, modality, purpose="export")) == len(config.modalities):
        raise NotPermitted(
            f"{config.locate('policy', 'links')}: nothing may {WORDS['export']} {modality!r}, so "
            "they may not be exported. Ask whoever keeps the policy"
        )

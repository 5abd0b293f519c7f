"""Builds every reader of core, with options for those that need some."""

from __future__ import annotations

from collections.abc import Mapping

from spaner_core.contract.modality import FeatureSpec, Reader
from spaner_core.contract.options import OptionError
from spaner_core.method.readers import READERS, build_reader

OPTIONS: Mapping[str, Mapping[str, object]] = {"pool": {"segments": 4}}
"""What a reader that needs options is tried with; the others need no entry."""


def build(name: str, features: FeatureSpec) -> Reader:
    return build_reader(features, {"name": name, **OPTIONS.get(name, {})})


def takes_any_number_of_tokens(name: str) -> bool:
    try:
        build(name, FeatureSpec(dim=3))
    except OptionError:
        return False
    return True


NAMES = tuple(READERS)
FOR_ANY_NUMBER = tuple(name for name in READERS if takes_any_number_of_tokens(name))

"""Says how hard the prompt pulls for things and for kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from numbers import Real

from spaner_core.errors import ConfigError
from spaner_core.recipe import THING_STRENGTH
from spaner_core.space.records import AlignerRecord, PromptRecord, Same, Strength

LACKING: Mapping[Same, str] = {
    "thing": "no items: it was trained without rows of one item in two modalities, or before "
    "spaces recorded such rows, and no modality was attached by pairs",
    "kind": "no concepts: it was trained on items alone",
}


@dataclass(frozen=True, kw_only=True)
class Strengths:
    """The pull strengths of a space: the default, and those of what it was trained on."""

    usual: float
    trained: Mapping[Same, float]

    @classmethod
    def of_space(cls, prompt: PromptRecord, aligners: Iterable[AlignerRecord]) -> Strengths:
        """Take the prompt's; a modality that was attached by pairs brings things in."""
        attached: Mapping[Same, float] = (
            {"thing": THING_STRENGTH} if any(record.pairs for record in aligners) else {}
        )
        return cls(usual=prompt.strength, trained={**attached, **prompt.trained_strengths})

    def of(self, same: Same) -> float:
        """Return the pull strength of things or of kinds, the default where it has none of them."""
        return self.trained.get(same, self.usual)

    def pull(self, strength: Strength | None) -> float:
        """Return how hard the prompt pulls, 0 to 1: as given, as recorded, or by default.

        Raises `ConfigError` for what is neither, and for things or kinds that the training lacked.
        """
        for same, lacking in LACKING.items():
            if strength == same and same in self.trained:
                return self.trained[same]
            if strength == same:
                raise ConfigError(
                    f"the same {same} was asked for, but the space knows {lacking}; give a "
                    "strength from 0 to 1, or neither"
                )
        pull = self.usual if strength is None else strength
        if not isinstance(pull, Real) or not 0 <= pull <= 1:
            raise ConfigError(f"strength is {pull!r}; give a number from 0 to 1, thing or kind")
        return float(pull)

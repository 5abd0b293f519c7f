"""Builds a plugin's encoder and transform as the product uses them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from spaner_core.conformance.comparing import not_finite
from spaner_core.conformance.noted_transform import name_of
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.modality import Encoder
from spaner_core.contract.transform import EncoderInput, Transform
from spaner_core.errors import UnusableInput
from spaner_core.features.encoding import encode_samples
from spaner_core.features.rows import FeatureRows, stack_rows
from spaner_core.pretrained.freeze import FrozenEncoder


@dataclass(frozen=True, kw_only=True)
class Built:
    """An encoder, frozen by core, and the transform that was built for it."""

    encoder: FrozenEncoder
    transform: Transform

    @property
    def raw(self) -> Encoder:
        """The encoder as the plugin built it, beneath core's hands."""
        raw: Encoder = self.encoder.encoder
        return raw

    @property
    def fingerprints(self) -> tuple[str, str]:
        """Of the encoder and of the transform."""
        return self.encoder.fingerprint, self.transform.fingerprint

    def windows(self, inputs: Sequence[Path | str]) -> list[EncoderInput]:
        """Decode and prepare `inputs`: all their windows, one after the other."""
        return [
            window
            for source in inputs
            for window in self.transform.prepare(self.transform.decode(source))
        ]

    def encode_raw(self, windows: Sequence[EncoderInput]) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) and mask (B, N) as the plugin itself gives them."""
        return self.raw(self.raw.collate(windows))

    def encode(self, windows: Sequence[EncoderInput]) -> FeatureRows:
        """Encode prepared windows in one batch, a row a window; padding is zero."""
        values, mask = self.encoder(self.encoder.collate(windows))
        return FeatureRows(values=values.masked_fill(~mask.unsqueeze(-1), 0), mask=mask)

    def features(self, inputs: Sequence[Path | str], *, batch_size: int = 64) -> FeatureRows:
        """Encode as extraction does, but in the order of `inputs`; a row an input.

        Raises `UnusableInput` for the first input that is refused, which it names.
        """
        rows: dict[int, FeatureRows] = {}
        for place, encoded in encode_samples(
            self.encoder, self.transform, inputs, batch_size=batch_size
        ):
            if isinstance(encoded, UnusableInput):
                raise UnusableInput(f"{name_of(inputs[place])}: {encoded}") from encoded
            values, mask = encoded
            rows[place] = FeatureRows(values=values.unsqueeze(0), mask=mask.unsqueeze(0))
        return stack_rows([rows[place] for place in range(len(inputs))])

    def finite_features(self, inputs: Sequence[Path | str]) -> FeatureRows:
        """Encode as `features` does; raises `BrokenRule` that names the input and hook at fault."""
        try:
            return self.features(inputs)
        except UnusableInput as error:
            found = map(self._not_finite, inputs)
            raise BrokenRule(
                next((what for what in found if what), f"an example has no features ({error})"),
                "finite features of every example",
                "mend that hook, or refuse such an input with UnusableInput in decode",
            ) from error

    def _not_finite(self, source: Path | str) -> str | None:
        sample = self.transform.decode(source)
        windows = list(self.transform.prepare(sample))
        given = {"decode": not_finite(sample), "prepare": not_finite(windows)}
        for hook, place in given.items():
            if place is not None:
                return f"{hook} gives NaN or an infinite number for {name_of(source)} ({place})"
        tokens, mask = self.encode_raw(windows)
        if not_finite(tokens[mask]) is not None:
            return f"the encoder gives NaN or an infinite number for {name_of(source)}"
        return None

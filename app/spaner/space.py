"""What people hold in their hands: a space that takes inputs and gives embeddings."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from spaner_core import checkpoint
from spaner_core.data.manifest import inline_source
from spaner_core.errors import ConfigError, DataError, OutputExists, SpaceError
from spaner_core.options import OptionError
from spaner_core.ordinary_files import copy_ordinary
from spaner_core.records import AlignerRecord
from spaner_core.replacing import replaced_at_end
from spaner_core.space import Space as AlignedSpace
from spaner_core.vectors import VectorKey
from spaner_core.writing import real_path
from spaner_registry.assemble import Assembly
from spaner_registry.registry import Registry
from spaner_registry.space_options import options_from_space

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from spaner_core.features.rows import RowSource
    from spaner_core.modality import Aligner


class Space:
    """A trained space with the encoders of its modalities.

    Encoders are built when a modality is first used, so a space opens where only some of its
    plugins are installed.
    """

    def __init__(self, folder: Path, aligned: AlignedSpace, assembly: Assembly) -> None:
        self.folder = folder
        self.aligned = aligned
        self.assembly = assembly

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities that the space has."""
        return self.aligned.modalities

    @property
    def concepts(self) -> tuple[str, ...]:
        """The concepts of the shared prompt, in the order of its anchors."""
        return self.aligned.concepts

    @property
    def damaged(self) -> dict[str, str]:
        """Modalities whose aligner cannot be used, each with what is wrong with it."""
        return self.aligned.damaged

    @property
    def unserved(self) -> dict[str, str]:
        """Modalities that no installed plugin serves, each with the distribution that would.

        Distribution and version are what the space recorded when the modality was trained.
        """
        return {
            name: f"{record.distribution} {record.version}"
            for name, record in sorted(self.aligned.records.items())
            if name not in self.assembly.registry.found
        }

    def encode(
        self,
        inputs: str | Path | Sequence[str | Path],
        *,
        modality: str,
        strength: float | None = None,
    ) -> NDArray[np.float32]:
        """Embed inputs of one modality; return (n, D) float32, rows of unit length.

        An input is a path, or the input itself where the modality takes it inline: there a `Path`
        is a file, and a `str` is one if it has a fitting suffix and is spelt as paths are, or the
        file exists.
        `strength` in [0, 1] is how hard the prompt pulls, the space's own by default. Raises
        `SpaceError` for an unknown modality or another encoder, `DataError` for inputs that
        cannot be read.
        """
        several = [inputs] if isinstance(inputs, str | Path) else list(inputs)
        self.check_modality(modality)
        described = self.assembly.modality(modality).modality
        sources: list[Path | str] = []
        for given in several:
            if isinstance(given, Path) or not described.inline:
                sources.append(Path(given))
            else:
                sources.append(inline_source(given, Path(), suffixes=described.suffixes))
        return self.embed(modality, self.assembly.extract(modality, sources), strength=strength)

    def embed(
        self, modality: str, rows: RowSource, *, strength: float | None = None
    ) -> NDArray[np.float32]:
        """Embed features that were extracted before; return (n, D) float32 of unit length."""
        self.check_modality(modality)
        embeddings = self.aligned.embed(modality, rows, strength=strength)
        return np.asarray(embeddings.numpy(), dtype=np.float32)

    def vector_key(self, modality: str, *, strength: float | None = None) -> VectorKey:
        """Return what embeddings of `modality` depend on; keep it beside embeddings you keep.

        It is a dataclass of texts and a number: `dataclasses.asdict(key)` goes into JSON, and
        `spaner.VectorKey(**stored)` comes back.
        """
        return self.aligned.vector_key(modality, strength=strength)

    def check_vectors(self, key: VectorKey) -> None:
        """Raise `SpaceError` unless embeddings kept with `key` are those the space gives today."""
        self.aligned.check_vectors(key)

    def check_modality(self, modality: str) -> None:
        """Raise `SpaceError` unless the space has `modality` and the encoder at hand fits it."""
        if modality in self.unserved:
            raise SpaceError(
                f"the space has {modality!r}, but no plugin that serves it is installed; it was "
                f"made with the distribution {self.unserved[modality]}, as aligners/{modality}/"
                "config.json records: install that if you trust it. Modalities that work here: "
                f"{', '.join(m for m in self.modalities if m not in self.unserved) or 'none'}"
            )
        self.aligned.aligner(modality)
        self.assembly.check_space(self.aligned, modality)

    @staticmethod
    def similarity(first: ArrayLike, second: ArrayLike) -> NDArray[np.float32]:
        """Return the cosine, -1 to 1, of every row of `first` (n, D) with every one of `second`.

        Rows (m, D) give (n, m); an array (D,) is one row, and its axis is left out of the answer.
        Rows need not be of unit length; a row of zeros has no direction, and cosine 0 with all.
        Raises `DataError` where arrays have other axes, or D differs.
        """
        a, b = np.asarray(first, dtype=np.float32), np.asarray(second, dtype=np.float32)
        if not {a.ndim, b.ndim} <= {1, 2} or a.shape[-1] != b.shape[-1]:
            raise DataError(
                f"similarity got arrays of shape {a.shape} and {b.shape}; expected (n, D) and "
                "(m, D), or (D,) for one row; give embeddings of one space"
            )
        cosines = _unit_rows(a) @ _unit_rows(b).T
        return np.asarray(np.clip(cosines, -1, 1), dtype=np.float32)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({str(self.folder)!r}, "
            f"modalities: {', '.join(self.modalities) or 'none'}; {len(self.concepts)} concepts; "
            f"strength {self.aligned.record.strength:g})"
        )

    def save_pretrained(self, folder: str | Path, *, overwrite: bool = False) -> Path:
        """Copy the space, byte for byte, to `folder`. Raises `OutputExists` if it exists."""
        target = Path(folder)
        checkpoint.check_output(target, overwrite=overwrite)
        if real_path(target).is_relative_to(real_path(self.folder)):
            raise OutputExists(f"{target} lies in the space itself; give another folder")
        with replaced_at_end(target) as new:
            checkpoint.check_output(target, overwrite=overwrite)
            try:
                shutil.copytree(self.folder, new, copy_function=copy_ordinary)
            except shutil.Error as error:
                path, _, why = error.args[0][0]
                raise SpaceError(f"{path} cannot be copied ({why}); run `spaner verify`") from error
        return target


def _unit_rows(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows (n, D) or (D,) with unit length, zeros as they are."""
    # in float64: squares of large float32 numbers overflow
    lengths = np.linalg.norm(rows.astype(np.float64), axis=-1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def open_space(folder: Path, assembly: Assembly | None = None) -> Space:
    """Open the space at `folder`, with the encoders of `assembly` or else those it recorded."""
    registry = assembly.registry if assembly else Registry()

    def build_aligner(record: AlignerRecord) -> Aligner:
        return (assembly or Assembly(registry, {})).recorded_aligner(
            record, prompt_dim=aligned.record.dim
        )

    aligned = checkpoint.load_space(folder, build_aligner=build_aligner)
    if assembly is None:
        options = options_from_space(aligned.records)
        assembly = Assembly(registry, options, option_error=partial(_recorded, folder))
    return Space(folder, aligned, assembly)


def _recorded(folder: Path, error: OptionError, *keys: str) -> ConfigError:
    """Say where a space recorded the options that a plugin complains of."""
    _, name, kind = keys
    return ConfigError(
        f"{folder / 'aligners' / name / 'config.json'}: {kind}_options: {error}; restore it from "
        "a copy, or declare the modality in your own plugins.yaml"
    )

"""Small spaces on disk for the tests of saving, loading and verifying; all figures synthetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from spaner_core.contract.modality import Aligner, FeatureSpec, RowBatch
from spaner_core.features.rows import FeatureRows
from spaner_core.method import aligner as usual
from spaner_core.method.prompt import SharedPrompt, anchors_from_labels
from spaner_core.space.opening import load_space
from spaner_core.space.prompts import save_extension
from spaner_core.space.records import AlignerRecord, BlockRecord, ModalityRecord, PromptRecord
from spaner_core.space.saving import save_attached, save_space
from spaner_core.space.space import Space

CONCEPTS = ("drei", "one", "two words")
WIDTHS = {"first": 5, "second": 7, "third": 4}
DIM = 8


def prompt(seed: int = 0) -> SharedPrompt:
    generator = torch.Generator().manual_seed(seed)
    raw = torch.randn(3, 6, generator=generator)
    return SharedPrompt(
        anchors_from_labels(raw, dim=DIM, whitening=0.1, generator=generator),
        beta=7.0,
        label_reader={"idf": torch.arange(6.0), "deep.scale": torch.tensor(2.0)},
    )


def prompt_record() -> PromptRecord:
    return PromptRecord(
        concepts=CONCEPTS,
        label_texts={"drei": ("three", "drei"), "one": ("one",), "two words": ("zwei Wörter",)},
        anchors="labels",
        dim=DIM,
        strength=0.4,
        label_source=modality_record("first"),
        informativeness=0.9,
        recipe={"prompt": {"dim": DIM}},
    )


def modality_record(name: str) -> ModalityRecord:
    return ModalityRecord(
        modality=name,
        distribution="spaner-toy",
        version="1.2.3",
        api_version=1,
        encoder_options={"width": WIDTHS[name]},
        aligner_options={"hidden": 6},
        encoder_fingerprint=f"encoder of {name}",
        transform_fingerprint=f"transform of {name}",
        features=FeatureSpec(dim=WIDTHS[name], tokens=4, grid=(1, 3), prefix_tokens=1),
    )


def aligner_record(
    name: str, *, prompt_fingerprint: str = "", anchor_count: int = 3
) -> AlignerRecord:
    return AlignerRecord(
        **vars(modality_record(name)),
        prompt_fingerprint=prompt_fingerprint,
        anchor_count=anchor_count,
        training={"max_steps": 3},
        concepts=("drei", "one"),
    )


def rows(name: str, count: int = 9) -> FeatureRows:
    generator = torch.Generator().manual_seed(WIDTHS[name])
    values = torch.randn(count, 4, WIDTHS[name], generator=generator)
    return FeatureRows(values=values, mask=torch.ones(count, 4, dtype=torch.bool))


def fitted(name: str, *, concept_count: int = 3) -> Any:
    torch.manual_seed(WIDTHS[name])
    aligner: Any = Encoders().recorded_aligner(aligner_record(name), prompt_dim=DIM)
    given = rows(name)
    concepts = torch.arange(9) % 2  # the other concepts have no rows
    batch = RowBatch(given.values, given.mask, concepts)
    aligner.fit_statistics([batch], concept_count=concept_count)
    return aligner.eval()


class Encoders:
    """Knows the encoders of these spaces by their fingerprints, and builds their aligners."""

    def serves(self, name: str) -> bool:
        return name in WIDTHS

    def modality(self, name: str) -> Any:
        encoder, transform = (f"{part} of {name}" for part in ("encoder", "transform"))
        return SimpleNamespace(
            encoder=SimpleNamespace(fingerprint=encoder),
            transform=SimpleNamespace(fingerprint=transform),
        )

    def extract(self, name: str, sources: Sequence[Path | str]) -> FeatureRows:
        raise NotImplementedError

    def recorded_aligner(self, record: ModalityRecord, *, prompt_dim: int) -> Aligner:
        return usual.build_aligner(record.features, prompt_dim, record.aligner_options)


@dataclass(frozen=True)
class Saved:
    folder: Path
    prompt: SharedPrompt
    aligners: dict[str, Any]


def save(folder: Path, *, overwrite: bool = False, seed: int = 0) -> Saved:
    """Save a space of `first` and `second`, trained together."""
    made, aligners = prompt(seed), {name: fitted(name) for name in ("first", "second")}
    save_space(
        folder,
        made,
        prompt_record(),
        {name: (aligner, aligner_record(name)) for name, aligner in aligners.items()},
        overwrite=overwrite,
    )
    return Saved(folder, made, aligners)


def load(folder: Path) -> Space:
    return load_space(folder, lambda _: Encoders())


def attach(
    folder: Path, aligner: Aligner | None = None, *, name: str = "third", replace: bool = False
) -> Path:
    """Attach `name` to the space at `folder`; return its receipt."""
    space = load(folder)
    record = aligner_record(
        name, prompt_fingerprint=space.fingerprint, anchor_count=len(space.concepts)
    )
    return save_attached(folder, aligner or fitted(name), record, replace=replace)


def extend(folder: Path, *concepts: str) -> Path:
    """Append anchors for `concepts` to the space at `folder`; return the block's receipt."""
    space = load(folder)
    embeddings = torch.randn(
        len(concepts), 6, generator=torch.Generator().manual_seed(len(space.concepts))
    )
    record = BlockRecord(
        concepts=concepts,
        label_texts={concept: (concept, f"a {concept}") for concept in concepts},
        anchors="labels",
        previous=space.fingerprint,
    )
    return save_extension(
        folder,
        record,
        anchors=space.prompt.later_anchors(embeddings),
        label_embeddings=embeddings,
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def open_and_use(folder: Path) -> None:
    space = load(folder)
    for name in ("first", "second"):
        space.embed(name, rows(name))

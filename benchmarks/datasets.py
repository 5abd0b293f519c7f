"""Reads the data sets that the benchmarks of the method share.

digits   scikit-learn's handwriting, written words, synthetic speech: ten concepts, no items
demo     the whole embedded data: the same and motions, fourteen concepts
words    digits whose rows are paired at random within a digit: items in training, no concepts
emoji    pictures of Noto Color Emoji with English names, real encoders: subgroups, items
spoken   the same with the names as synthetic speech, too
factory  synthetic units of forty products, four modalities, a tenth of the rows messy
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from importlib.resources import files
from pathlib import Path

import torch
from made_inputs import minilm as minilm_model
from spaner.demo.dataset import PLUGINS_YAML, put, table, write_dataset
from spaner.demo.factory.project import write_factory
from spaner.demo.texts import DIGITS
from spaner.project import Project
from spaner.splits import TRAIN_SPLIT, split_rows
from spaner.training.plan import labelled_rows, plan_training, prepare_material
from spaner_core import Aligner, FeatureSpec
from spaner_core.data.manifest import Rows as ManifestRows
from spaner_core.features.labelled import LabelledRows
from spaner_core.training.material import Material
from spaner_registry.config.settings import Config, read_config

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "tests" / "emoji"
HELD_OUT = ("validation", "test")
DIGIT_MODALITIES = ("text", "vision", "audio")
TEXT = "text"

CONFIG = """\
space: space
data: {{manifest: {manifest}}}
features: {{store: features}}
prompt: {{labels_from: text, labels: {labels}}}
modalities: {{{modalities}}}
"""

Rows = Mapping[str, LabelledRows]
BuildAligner = Callable[[str, Mapping[str, object]], Aligner]
"""Builds an untrained aligner of a modality with the given options, through its plugin."""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """A project's rows in memory.

    `material` holds the training rows of each modality, the concepts' names and what builds
    aligners; `entries` the manifest's rows of them; `held_out` the rows by split and modality;
    `texts` the texts that rows of the modality `TEXT` were read from, by split. `features` says
    what each encoder gives. `build` builds an aligner with other options.
    """

    name: str
    material: Material
    entries: Mapping[str, ManifestRows]
    held_out: Mapping[str, Rows]
    texts: Mapping[str, Sequence[str]]
    features: Mapping[str, FeatureSpec]
    build: BuildAligner

    @property
    def train(self) -> dict[str, LabelledRows]:
        """The training rows of each modality."""
        return self.material.rows

    def with_train(self, rows: Rows) -> Dataset:
        """Take other training rows."""
        return replace(self, material=self.material.with_rows(rows))

    def with_options(self, **options: object) -> Dataset:
        """Have all aligners built with other options."""
        built = {
            name: replace(part, build=partial(self.build, name, options))
            for name, part in self.material.modalities.items()
        }
        return replace(self, material=replace(self.material, modalities=built))


def load_dataset(name: str, *, quick: bool = False, folder: Path | None = None) -> Dataset:
    """Read a data set by its name: one that is written here, or stands in `folder` already.

    A `quick` one is small where the whole one takes long to write or to read.
    """
    with tempfile.TemporaryDirectory() as temporary:
        place = folder or Path(temporary)
        if name in ("emoji", "spoken"):
            return replace(read_emoji(place, quick=quick, spoken=name == "spoken"), name=name)
        if name == "factory":
            return read_factory(place, quick=quick)
        digits = read_demo(place, digits_only=name != "demo", minilm=name == "digits-minilm")
    return replace(digits, name=name)


def read_demo(folder: Path, *, digits_only: bool, minilm: bool = False) -> Dataset:
    """Read the embedded data, texts as hashed words or by MiniLM.

    Of the digits alone there are three modalities.
    """
    if not (folder / "manifest.csv").exists():
        write_dataset(folder)
    modalities = DIGIT_MODALITIES if digits_only else (*DIGIT_MODALITIES, "sensor")
    if digits_only:
        for path in (folder / "manifest.csv", folder / "labels.csv"):
            _keep_concepts(path, DIGITS)
    options = f"{{encoder: {{model: {minilm_model()}}}}}" if minilm else ""
    return _written(folder, {name: options if name == TEXT else "" for name in modalities})


def read_emoji(folder: Path, *, quick: bool, spoken: bool) -> Dataset:
    """Read emoji: pictures by EfficientNet-lite0, texts by MiniLM, or speech in addition.

    A quick one is the sample of the tests, with random weights in place of EfficientNet-lite0's,
    and has no speech.
    """
    if not quick:
        config = folder / "plugins.yaml"
        if not config.exists():
            command = [sys.executable, str(ROOT / "scripts" / "make_emoji.py"), str(folder)]
            subprocess.run(command, check=True, stdout=sys.stderr)
        return read_project(config, DIGIT_MODALITIES if spoken else DIGIT_MODALITIES[:2])
    import timm
    from timm.models import save_for_hf

    torch.manual_seed(0)
    model = timm.create_model("tf_efficientnet_lite0")
    save_for_hf(model, str(folder / "vision"), safe_serialization=True)
    encoders = {
        TEXT: f"{{encoder: {{model: {minilm_model()}}}}}",
        "vision": "{encoder: {model: ./vision}}",
    }
    sample = Path(os.path.relpath(SAMPLE, folder))
    return _written(folder, encoders, data=sample)


def read_factory(folder: Path, *, quick: bool) -> Dataset:
    """Read the synthetic factory, four modalities together; a quick one has eight products."""
    if not (folder / "manifest.csv").exists():
        write_factory(folder, products=8 if quick else None)
    config = folder / "plugins.yaml"
    if not config.exists():
        config.write_bytes((files("spaner.demo.factory") / config.name).read_bytes())
    return replace(read_project(config), name="factory")


def configure(folder: Path, *, package: str = "spaner.demo", quick: bool = False) -> Config:
    """Write the plugins.yaml of a demonstration into `folder`; a quick one trains 20 steps."""
    path = folder / PLUGINS_YAML
    path.write_bytes((files(package) / PLUGINS_YAML).read_bytes())
    config = read_config(path)
    if not quick:
        return config
    training = replace(config.training, max_steps=20, warmup_steps=2)
    return config.model_copy(update={"training": training})


def _written(folder: Path, modalities: Mapping[str, str], *, data: Path = Path()) -> Dataset:
    """Configure and read what lies in `folder`."""
    config = folder / "benchmark.yaml"
    config.write_text(
        CONFIG.format(
            manifest=data / "manifest.csv",
            labels=data / "labels.csv",
            modalities=", ".join(f"{name}: {options}" for name, options in modalities.items()),
        ),
        encoding="utf-8",
    )
    return read_project(config)


def _keep_concepts(path: Path, concepts: Collection[str]) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["concept"] in concepts]
    put(path, table(tuple(rows[0]), rows))


def read_project(config: Path, modalities: Sequence[str] = ()) -> Dataset:
    """Read the rows of a project's modalities, all of them or some."""
    project = Project(read_config(config), device="cpu")
    plan = plan_training(project, modalities or tuple(project.config.modalities))
    material = prepare_material(project, plan)
    material = material.with_rows({name: _in_memory(part) for name, part in material.rows.items()})
    splits = {
        split: {name: split_rows(project.manifest, name, split) for name in material.rows}
        for split in (TRAIN_SPLIT, *HELD_OUT)
    }
    features = {n: project.assembly.modality(n).encoder.features for n in material.rows}
    width = project.config.prompt.dim

    def build(name: str, options: Mapping[str, object]) -> Aligner:
        return project.registry.load(name).build_aligner(features[name], width, options)

    return Dataset(
        name=config.parent.name,
        material=material,
        entries={
            name: project.features(name, rows).rows for name, rows in splits[TRAIN_SPLIT].items()
        },
        held_out={
            split: {
                name: _in_memory(labelled_rows(project, name, rows, concepts=plan.concepts))
                for name, rows in splits[split].items()
            }
            for split in HELD_OUT
        },
        texts={
            split: [row.input for row in project.features(TEXT, parts[TEXT]).rows]
            for split, parts in splits.items()
        },
        features=features,
        build=build,
    )


def _in_memory(rows: LabelledRows) -> LabelledRows:
    return replace(rows, features=rows.features.load())

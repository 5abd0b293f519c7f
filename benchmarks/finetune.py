"""Attaching texts to a finished space against fine-tuning their encoder for it.

    .venv/bin/python benchmarks/finetune.py

A space of images and synthetic speech is trained on the embedded digits. Texts join it in two ways,
both with MiniLM, the same training texts, the same aligner, the same anchor loss against the same
prompt, the same draws of 96 texts a step and the same optimiser:

- **attached**, as `spaner attach text` does it: configuration read, encoder built, features
  extracted into an empty store, statistics, 250 steps, aligner and receipt written;
- **fine-tuned**: MiniLM with LoRA (peft, rank 8, alpha 16, on the queries and values of every
  layer, learning rate 1e-3 beside the aligner's own 2e-3), trained together with the aligner in a
  bare torch loop on all threads. Its clock includes loading, reading the texts once for the
  aligner's statistics, and the steps; measuring does not count. It is measured after each epoch,
  and stops when it is as good as what was attached, or after 10 epochs.

"Good" means the mean average precision of retrieval between texts and images, both ways, on the
validation split. "A step alone" compares a training on stored features with the steps of the
fine-tuning, each divided by the number of texts it drew.
"""

from __future__ import annotations

import argparse
import csv
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from lora import FineTuning
from made_inputs import minilm
from page import progress
from side_by_side import Comparison, seconds_of, show
from spaner.demo.dataset import write_dataset
from spaner.demo.texts import DIGITS
from spaner.project import Project
from spaner.splits import split_rows
from spaner.training.attach import attach
from spaner.training.plan import labelled_rows
from spaner.training.train import train
from spaner_core.data.matches import Labels, numbers_of
from spaner_core.evaluation.retrieval import retrieval_by_pair
from spaner_core.features.labelled import LabelledBatches
from spaner_core.recipe import LossRecipe
from spaner_core.training.trainer import train_jointly
from spaner_registry.config.settings import read_config
from torch import Tensor

EPOCHS = 10


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a way took, in all and for a sample of its steps, and what it gave.

    `reached` is the epoch at whose end it was as good as it had to be, None where it never was.
    """

    seconds: float
    step_s: float
    precision: float
    epochs: float
    reached: int | None = None

    def __str__(self) -> str:
        """Say all of it but the steps."""
        return f"{self.seconds:.1f} s, mAP {self.precision:.3f}, epochs: {self.epochs:.0f}"


def write_project(folder: Path, *, steps: int) -> Path:
    """Write the embedded digits and a configuration; return the configuration's path."""
    manifest = write_dataset(folder)
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["concept"] in DIGITS]
    with manifest.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    config = folder / "plugins.yaml"
    config.write_text(
        "space: space\ndata: {manifest: manifest.csv}\n"
        f"modalities: {{vision: , audio: , text: {{encoder: {{model: {minilm()}}}}}}}\n"
        f"training: {{max_steps: {steps}, warmup_steps: {min(15, steps - 1)}}}\n",
        encoding="utf-8",
    )
    return config


def open_project(config: Path) -> Project:
    """Open the project as a command does."""
    return Project(read_config(config), device="cpu")


def attach_texts(config: Path, *, turns: int) -> Outcome:
    """Attach texts several times, each time with none of their features in the store."""
    seconds, steps = [], []
    for turn in range(turns):
        progress(f"attaching, turn {turn + 1} of {turns}")
        for stored in open_project(config).store.folder.glob("text-*"):
            shutil.rmtree(stored)
        seconds.append(seconds_of(partial(_attach, config, replace=turn > 0)))
        steps.append(_steps_alone(open_project(config)))
    project = open_project(config)
    training = project.config.recipe.training
    drawn = training.steps * training.per_device_train_batch_size
    usable = project.features("text", split_rows(project.manifest, "text", "validation"))
    embeddings = project.space.embed("text", usable.features)
    return Outcome(
        seconds=statistics.median(seconds),
        step_s=statistics.median(steps) / drawn,
        precision=precision(project, torch.from_numpy(embeddings)),
        epochs=drawn / len(split_rows(project.manifest, "text", "train")),
    )


def _attach(config: Path, *, replace: bool) -> None:
    attach(open_project(config), "text", replace=replace)


def _steps_alone(project: Project) -> float:
    """Train a fresh aligner on what is stored; return the seconds."""
    space, training = project.space, project.config.recipe.training
    train_rows = split_rows(project.manifest, "text", "train")
    rows = labelled_rows(project, "text", train_rows, concepts=space.concepts)
    aligner = project.assembly.aligner_builder("text", prompt_dim=space.record.dim)()
    aligner.fit_statistics(LabelledBatches(rows), concept_count=len(space.concepts))
    return seconds_of(
        lambda: train_jointly(
            space.prompt,
            {"text": aligner},
            {"text": rows},
            names={},
            loss=LossRecipe(),
            training=training,
            device="cpu",
        )
    )


def precision(project: Project, texts: Tensor) -> float:
    """Return the mAP of the validation split's texts (n, D) and its images, both ways."""
    space = project.space
    rows = {name: split_rows(project.manifest, name, "validation") for name in ("text", "vision")}
    images = torch.from_numpy(
        space.embed("vision", project.features("vision", rows["vision"]).features)
    )
    concepts = {
        name: numbers_of((row.concept for row in part), space.concepts)
        for name, part in rows.items()
    }
    labels = {n: Labels(concepts=c, items=c.new_full(c.shape, -1)) for n, c in concepts.items()}
    figures = retrieval_by_pair({"text": texts, "vision": images}, labels)
    return float(figures["mean_map"] or 0)


def fine_tune(project: Project, *, goal: float, epochs: int) -> Outcome:
    """Fine-tune until it is as good as `goal`, or for all epochs; measuring does not count."""
    space, training = project.space, project.config.recipe.training
    rows = split_rows(project.manifest, "text", "train")
    shown = [row.input for row in split_rows(project.manifest, "text", "validation")]
    concepts = numbers_of((row.concept for row in rows), space.concepts)
    size = training.per_device_train_batch_size
    epoch_steps = len(rows) // size
    start = time.perf_counter()
    tuned = FineTuning(
        space.prompt,
        [row.input for row in rows],
        concepts,
        training=training,
        steps=epochs * epoch_steps,
    )
    loading_s = time.perf_counter() - start
    steps_s, found, epoch = 0.0, 0.0, 0
    while epoch < epochs and found < goal:
        steps_s += seconds_of(partial(tuned.train, epoch * epoch_steps, steps=epoch_steps))
        found = precision(project, tuned.embed(shown, strength=space.record.strength))
        epoch += 1
        progress(f"fine-tuning, epoch {epoch}: mAP {found:.3f}, {steps_s:.1f} s")
    return Outcome(
        seconds=loading_s + steps_s,
        step_s=steps_s / (epoch * epoch_steps * size),
        precision=found,
        epochs=epoch,
        reached=epoch if found >= goal else None,
    )


def compare(attached: Outcome, tuned: Outcome) -> None:
    """Print the table."""
    show(
        [
            Comparison(
                what="texts attached, extraction included",
                ours=str(attached),
                other=f"fine-tuned: {tuned}",
                ratio=tuned.seconds / attached.seconds,
                at_least=10,
            ),
            Comparison(
                what="a step alone, features stored",
                ours=f"{1e6 * attached.step_s:.0f} µs a sample",
                other=f"fine-tuned: {1e6 * tuned.step_s:.0f} µs a sample",
                ratio=tuned.step_s / attached.step_s,
                at_least=300,
            ),
        ],
        notes=[_how_far(tuned)],
    )


def _how_far(tuned: Outcome) -> str:
    if tuned.reached is None:
        return f"fine-tuning was never as good as attaching in its {tuned.epochs:.0f} epochs"
    return f"fine-tuning was as good as attaching at the end of epoch {tuned.reached}"


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few steps, to see that it runs")
    quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        config = write_project(Path(name), steps=5 if quick else 250)
        progress("training the space of images and speech")
        train(open_project(config), ["vision", "audio"])
        attached = attach_texts(config, turns=1 if quick else 3)
        tuned = fine_tune(
            open_project(config), goal=attached.precision, epochs=1 if quick else EPOCHS
        )
    compare(attached, tuned)


if __name__ == "__main__":
    main()

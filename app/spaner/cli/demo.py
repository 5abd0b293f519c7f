"""Tells the demonstrations: `spaner demo`, `spaner demo --factory`."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from spaner_core.errors import OutputExists
from spaner_core.files.ordinary import read_small

from spaner.cli.flags import CONFIG
from spaner.cli.output import say
from spaner.cli.running import invoke
from spaner.cli.streams import plain

app = typer.Typer()

ATTACH = ("A fourth is attached; nothing that was there changes:", "attach sensor")
VERIFY = ("Every byte is as the receipts say:", "verify")


@dataclass(frozen=True, kw_only=True)
class Story:
    """What a demonstration writes, and what it types then.

    `flags` ask for it, `package` holds its plugins.yaml, `data` says what `write` puts into a
    folder; `steps` are comments and commands, in which `{folder}` is that folder; `try_your_own` is
    a command to end with.
    """

    flags: str
    package: str
    data: str
    write: Callable[[Path], object]
    steps: Sequence[tuple[str, str]]
    try_your_own: str

    @property
    def config(self) -> bytes:
        """Content of its plugins.yaml."""
        return (files(self.package) / CONFIG.name).read_bytes()


def _write_digits(folder: Path) -> None:
    from spaner.demo.dataset import write_dataset

    write_dataset(folder)


def _write_factory(folder: Path) -> None:
    from spaner.demo.factory.project import write_factory

    write_factory(folder)


DIGITS = Story(
    flags="",
    package="spaner.demo",
    data="Real digits and motions, written words, synthetic speech",
    write=_write_digits,
    steps=(
        ("Three modalities meet at a shared prompt:", "train text vision audio --overwrite"),
        ATTACH,
        VERIFY,
        (
            "How well does every modality find every other, on unseen rows?",
            "evaluate --split test --map {folder}/map.png --overwrite",
        ),
        (
            "Which texts say what is on this picture?",
            "search {folder}/vision/test/digit-1401.png --from vision --to text -k 3",
        ),
        (
            "Which words name this movement? Sensor and speech never met in training:",
            "search {folder}/sensor/test/motion-15.csv --from sensor --to audio -k 3",
        ),
    ),
    try_your_own="search trois --from text --to vision,audio",
)

FACTORY = Story(
    flags="--factory ",
    package="spaner.demo.factory",
    data="Synthetic machines: sheets, photos, sounds, vibration, a tenth of them messy",
    write=_write_factory,
    steps=(
        ("What is there, and what cannot be used?", "check --deep"),
        (
            "Sheets, photos and sounds meet at a shared prompt of forty products:",
            "train text vision audio --overwrite",
        ),
        ATTACH,
        VERIFY,
        (
            "How well does every modality find every other, on unseen units?",
            "evaluate --split test --map {folder}/map.png --overwrite",
        ),
        (
            "Which sheet belongs to this photo? Not one of its product, but the very unit's own:",
            "search {folder}/vision/photo-0130-a.jpg --from vision --to text "
            "--split test --same thing -k 3",
        ),
        (
            "Which sheets describe what shakes like this?",
            "search {folder}/sensor/vibration-0130.csv --from sensor --to text --split test -k 3",
        ),
    ),
    try_your_own="search 'gear unit on rubber feet, bearing knocks' --from text --to vision,audio",
)


@app.command(epilog="Example: spaner demo")
def demo(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Where everything is written: demo, or factory.", show_default=False),
    ] = None,
    factory: Annotated[
        bool,
        typer.Option("--factory", help="Synthetic machines: 40 products, 400 units, some mess."),
    ] = False,
) -> None:
    """See the whole story on embedded data: train, attach, verify, evaluate, search, map."""
    story = FACTORY if factory else DIGITS
    tell(story, folder or Path("factory" if factory else "demo"), invoke)


def tell(story: Story, folder: Path, run: Callable[[list[str]], None]) -> None:
    """Write data and configuration to `folder` and `run` the story's commands there.

    Safe to repeat: a folder that holds the demonstration's own configuration is used again.
    Raises `OutputExists` for a folder that holds anything else.
    """
    config = folder / CONFIG
    if folder.exists() and any(folder.iterdir()) and not _is_ours(config, story.config):
        raise OutputExists(
            f"{folder} exists and is not the demonstration's; name another folder: "
            f"spaner demo {story.flags}DIR"
        )
    folder.mkdir(parents=True, exist_ok=True)
    config.write_bytes(story.config)
    say(f"{story.data}: written to {folder}/")
    story.write(folder)
    for comment, step in story.steps:
        command = [part.replace("{folder}", str(folder)) for part in shlex.split(step)]
        command += ["-c", str(config)]
        typer.secho(f"\n{comment}", bold=True)
        typer.secho(plain(f"$ spaner {shlex.join(command)}"), fg="green")
        run(command)
    typer.secho("\nNow try your own:", bold=True)
    say(f"  spaner {story.try_your_own} -c {config}")
    say(f"  the map is {folder / 'map.png'}, the space {folder / 'space'}/")


def _is_ours(config: Path, content: bytes) -> bool:
    try:
        return read_small(config) == content
    except OSError:
        return False

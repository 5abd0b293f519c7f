"""Tells the demonstration: `spaner demo`."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer
from spaner_core.errors import OutputExists
from spaner_core.files.ordinary import read_small

from spaner.cli.frame import call
from spaner.cli.output import say
from spaner.cli.streams import plain

app = typer.Typer()


@app.command(epilog="Example: spaner demo")
def demo(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where everything is written.")] = Path("demo"),
) -> None:
    """See the whole story on embedded data: train, attach, verify, evaluate, search, map."""
    tell(folder, partial(call, context.find_root().command))


def tell(folder: Path, run: Callable[[list[str]], None]) -> None:
    """Write data and configuration to `folder` and `run` the story's commands there.

    Safe to repeat: a folder that holds the demonstration's own configuration is used again.
    Raises `OutputExists` for a folder that holds anything else.
    """
    from spaner.demo.dataset import PLUGINS_YAML, write_dataset

    config = folder / PLUGINS_YAML
    content = (files("spaner.demo") / PLUGINS_YAML).read_bytes()
    if folder.exists() and any(folder.iterdir()) and not _is_ours(config, content):
        raise OutputExists(
            f"{folder} exists and is not the demonstration's; name another folder: spaner demo DIR"
        )
    folder.mkdir(parents=True, exist_ok=True)
    config.write_bytes(content)
    say(f"Real digits and motions, written words, synthetic speech: written to {folder}/")
    write_dataset(folder)
    for comment, command in _story(folder, config):
        typer.secho(f"\n{comment}", bold=True)
        typer.secho(plain(f"$ spaner {shlex.join(command)}"), fg="green")
        run(command)
    typer.secho("\nNow try your own:", bold=True)
    say(f'  spaner search "trois" --from text --to vision,audio -c {config}')
    say(f"  the map is {folder / 'map.png'}, the space {folder / 'space'}/")


def _is_ours(config: Path, content: bytes) -> bool:
    try:
        return read_small(config) == content
    except OSError:
        return False


def _story(folder: Path, config: Path) -> list[tuple[str, list[str]]]:
    use = ["-c", str(config)]
    photo = str(folder / "vision" / "test" / "digit-1401.png")
    motion = str(folder / "sensor" / "test" / "motion-15.csv")
    return [
        (
            "Three modalities meet at a shared prompt:",
            ["train", "text", "vision", "audio", "--overwrite", *use],
        ),
        ("A fourth is attached; nothing that was there changes:", ["attach", "sensor", *use]),
        ("Every byte is as the receipts say:", ["verify", *use]),
        (
            "How well does every modality find every other, on unseen rows?",
            ["evaluate", "--split", "test", "--map", str(folder / "map.png"), "--overwrite", *use],
        ),
        (
            "Which texts say what is on this picture?",
            ["search", photo, "--from", "vision", "--to", "text", "-k", "3", *use],
        ),
        (
            "Which words name this movement? Sensor and speech never met in training:",
            ["search", motion, "--from", "sensor", "--to", "audio", "-k", "3", *use],
        ),
    ]

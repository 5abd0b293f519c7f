"""Lay out the messy folders from which docs/tutorial.md starts.

    .venv/bin/python scripts/make_messy_folders.py FOLDER

Pictures, sounds, a spreadsheet, notes and series of the embedded data (its speech is synthetic), as
people have such things: in many formats, some of them damaged. `later/` holds a concept that comes
later in the story.
"""

from __future__ import annotations

import csv
import re
import shutil
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import soundfile
from PIL import Image
from scipy.signal import resample_poly
from spaner.demo.dataset import write_dataset

LATER = "badminton"
KEPT = {"vision": 30, "audio": 20, "sensor": 20}
UPRIGHT_AFTER_A_QUARTER_TURN = 6
EXIF_ORIENTATION = 0x0112


def main() -> None:
    """Write to the folder that is named; it must not exist."""
    if len(sys.argv) != 2 or Path(sys.argv[1]).exists():
        raise SystemExit("name one folder that does not exist yet")
    make_messy_folders(Path(sys.argv[1]))


def make_messy_folders(folder: Path) -> None:
    """Arrange the embedded data as a user's folders, and spoil some of it."""
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as embedded:
        lay_out(folder, Path(embedded))
    mess_up_pictures(folder / "pictures")
    mess_up_sounds(folder / "sounds")
    mess_up_texts_and_series(folder)


def lay_out(folder: Path, embedded: Path) -> None:
    """Arrange the embedded data as a user's folders would be, nothing wrong with them yet."""
    with write_dataset(embedded).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    inputs: defaultdict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        inputs[row["modality"], row["concept"]].append(row)
    described = []
    for (modality, concept), several in inputs.items():
        home = folder / "later" if concept == LATER else folder
        if modality == "text":
            described += [row for row in several[::4] if concept != LATER]
            continue
        for number, row in enumerate(several[: KEPT[modality]], start=1):
            place = {
                "vision": f"pictures/{concept}/{Path(row['input']).name}",
                "audio": f"sounds/{concept}/{row['voice']}.flac",
                "sensor": f"series/{concept}-{number:02}.csv",
            }[modality]
            (home / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(embedded / row["input"], home / place)
    with (folder / "descriptions.csv").open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, delimiter=";")
        table.writerow(["Concept", "Description"])
        for number, row in enumerate(described):
            table.writerow([row["concept"].title() + " " * (number % 9 == 0), row["input"]])


def mess_up_pictures(folder: Path) -> None:
    """Turn, convert and damage pictures."""

    def take(digit: str) -> Image.Image:
        path = min((folder / digit).glob("*.png"))
        with Image.open(path) as image:
            picture = image.resize((64, 64))
        path.unlink()
        return picture

    turned = Image.Exif()
    turned[EXIF_ORIENTATION] = UPRIGHT_AFTER_A_QUARTER_TURN
    take("two").rotate(90).save(folder / "two/IMG 0815.JPG", exif=turned)
    take("four").convert("CMYK").save(folder / "four/print.jpg")
    deep = np.asarray(take("eight")).astype(np.uint16) * 257
    Image.fromarray(deep).save(folder / "eight/film.png")
    take("seven").save(folder / "seven/from Anna 🐝.png")
    cut_off = min((folder / "three").glob("*.png"))
    cut_off.write_bytes(cut_off.read_bytes()[:80])
    (folder / "nine/shopping list.png").write_text("milk, eggs, nine lemons\n", encoding="utf-8")
    (folder / "zero/Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")


def mess_up_sounds(folder: Path) -> None:
    """Put in a stereo file at telephone rate and an empty one."""
    path = min((folder / "five").iterdir())
    samples, rate_hz = soundfile.read(path)
    telephone = resample_poly(samples, 8000, rate_hz)
    soundfile.write(path.with_suffix(".wav"), np.stack([telephone, telephone / 2], axis=1), 8000)
    path.unlink()
    (folder / "six/memo.wav").touch()


def mess_up_texts_and_series(folder: Path) -> None:
    """Put in a note that is not UTF-8, a gap, and a header of another kind."""
    (folder / "notes").mkdir()
    painted = "My neighbour painted a big seven on her gate.\n"
    (folder / "notes/seven.txt").write_text(painted, encoding="utf-8")
    (folder / "notes/zero.txt").write_bytes("On écrit zéro à la fin.\n".encode("latin-1"))
    gap, other = folder / "series/walking-03.csv", folder / "series/running-05.csv"
    lines = gap.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[40] = re.sub(r"^([^,]*),[^,]*", r"\1,", lines[40])
    gap.write_text("".join(lines), encoding="utf-8")
    _, *steps = other.read_text(encoding="utf-8").splitlines(keepends=True)
    other.write_text("".join(["ax,ay,az,gx,gy,gz\n", *steps]), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Asks a second process, once, what it makes of a plugin."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from spaner_core.child_process import ask_child
from spaner_core.conformance.fitted_aligner import FittedAligner, describe_spec
from spaner_core.conformance.process_state import LIBRARIES, own_modules, taken_modules
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.modality import Examples

FUNCTION = "spaner_core.conformance.second_process:answer"
PRINTED = "printed.txt"
GIVEN, STATE = "given.safetensors", "aligner.safetensors"
LIMIT_S = 600

KEPT = (*LIBRARIES, "PATH", "PYTHON", "LD_", "DYLD_", "NVIDIA", "SSL", "SYSTEMROOT", "TMP")
"""What environment variables begin with that the second process has too."""

LONGEST_NAME = 100
"""Characters of a text that is tried as the name of a file."""


@dataclass(frozen=True, kw_only=True)
class SecondOpinion:
    """The answer: words and tensors by part and name, and what was printed to standard output.

    A part that failed has the word "problem".
    """

    words: Mapping[str, Mapping[str, str]]
    tensors: Mapping[str, Mapping[str, Tensor]]
    printed: str

    def tensor(self, name: str, *, part: str) -> Tensor:
        """Return a tensor; raises `BrokenRule` when that part of the answer is missing."""
        self._check(part)
        return self.tensors[part][name]

    def word(self, name: str, *, part: str) -> str:
        """Return a word; raises `BrokenRule` when that part of the answer is missing."""
        self._check(part)
        return self.words[part][name]

    def _check(self, part: str) -> None:
        problem = self.words[part].get("problem")
        if problem is not None:
            raise _failed(f"met {problem}")


def ask_second_process(
    name: str,
    examples: Examples,
    *,
    reference: str,
    modules: frozenset[str],
    fitted: FittedAligner | None,
) -> SecondOpinion:
    """Let a second process build the plugin `name` anew, and embed with the saved aligner.

    `reference` is what its entry point says, `modules` names what was imported before it, and
    `fitted` is None where no aligner could be fitted. The second process has nothing of this one
    but the libraries: another home, working folder, time zone, locale and environment, and other
    hashes of strings. Raises `BrokenRule` when it does not answer.
    """
    with tempfile.TemporaryDirectory() as place:
        folder, elsewhere = Path(place), Path(place) / "elsewhere"
        elsewhere.mkdir()
        if fitted is not None:
            with suppress(Exception, SystemExit):  # which the rules about aligners tell
                _write_aligner(fitted, folder)
        own = own_modules(reference, before=modules)
        request = {
            "folder": str(folder),
            "name": name,
            "reference": reference,
            "inputs": [_described(source) for source in examples.inputs],
            "options": dict(examples.options),
            "own modules": own,
            "taken modules": taken_modules(own),
        }
        _write_decoys(elsewhere, examples.inputs)
        given = ask_child(
            FUNCTION,
            request,
            time_limit_s=LIMIT_S,
            environment=_other_environment(folder, request),
            folder=elsewhere,
        )
        if given.ended is not None:
            raise _failed(given.ended)
        printed = (folder / PRINTED).read_text(encoding="utf-8", errors="replace")
        files = {
            answer["part"]: folder / f"{answer['part']}.safetensors" for answer in given.answers
        }
        tensors = {part: load_file(file) for part, file in files.items() if file.exists()}
    words = {answer.pop("part"): answer for answer in given.answers}
    return SecondOpinion(words=words, tensors=tensors, printed=printed)


def other_hashes() -> dict[str, str]:
    """Give the environment variable with which another process hashes strings differently."""
    return {"PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"}


def _failed(how: str) -> BrokenRule:
    return BrokenRule(
        f"what works here fails in a second process, which {how}",
        "the plugin to work in every process, whatever its folder, home, locale and environment",
        "look for what it takes from this process alone",
    )


def _described(source: Path | str) -> tuple[bool, str]:
    """Say whether an input is a path, and which, or the input itself."""
    return isinstance(source, Path), str(source.absolute() if isinstance(source, Path) else source)


def _write_aligner(fitted: FittedAligner, folder: Path) -> None:
    given = {"values": fitted.rows.values, "mask": fitted.rows.mask, "anchors": fitted.anchors}
    state = fitted.state()
    save_file(given, folder / GIVEN, metadata={"spec": describe_spec(fitted.spec)})
    (folder / STATE).write_bytes(state)


def _write_decoys(folder: Path, inputs: Sequence[Path | str]) -> None:
    """Write a file named like each text: an input that is a text is no path."""
    for text in inputs:
        if isinstance(text, str) and len(text) <= LONGEST_NAME and not {*text} & {*"/\0"}:
            folder.joinpath(text).write_text("0", encoding="utf-8")


def _other_environment(folder: Path, request: Mapping[str, Any]) -> dict[str, str | None]:
    """Give variables to set, None for those to remove."""
    home = folder / "home"
    home.mkdir()
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")  # of models
    removed = dict.fromkeys(name for name in os.environ if not name.startswith(KEPT))
    paths = [*sys.path, str(folder), *(source for path, source in request["inputs"] if path)]
    # texts are read as ASCII where nobody says otherwise; not where a path could not be opened
    ascii_only = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    plain = ascii_only if str([*paths, request["options"]]).isascii() else {}
    return {
        **removed,
        **other_hashes(),
        **plain,
        "LC_ALL": "C",
        "TZ": "<+1130>-11:30",
        "HOME": str(home),
        "XDG_CACHE_HOME": caches,
    }

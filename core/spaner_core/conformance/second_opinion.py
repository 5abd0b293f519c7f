"""What a second process makes of a plugin: asked once, read by several rules."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from spaner_core.child import run_child
from spaner_core.conformance.broken_rule import BrokenRule
from spaner_core.conformance.fitted import describe_spec
from spaner_core.conformance.own_imports import own_modules, taken_modules

if TYPE_CHECKING:
    from spaner_core.conformance.subject import Subject

MODULE = "spaner_core.conformance.second_process"
REQUEST, PRINTED = "request.json", "printed.txt"
GIVEN, STATE, ANSWER = "given.safetensors", "aligner.safetensors", "answer.safetensors"
LIMIT_S = 600
PROBLEM = "problem with "
"""How the answer's metadata begins to say why a part of it is missing."""


@dataclass(frozen=True, kw_only=True)
class SecondOpinion:
    """The answer: tensors and words by name, and what was printed to standard output."""

    tensors: Mapping[str, Tensor]
    words: Mapping[str, str]
    printed: str

    def tensor(self, name: str, *, part: str) -> Tensor:
        """Return a tensor; raises `BrokenRule` when that part of the answer is missing."""
        self._check(part)
        return self.tensors[name]

    def word(self, name: str, *, part: str) -> str:
        """Return a word; raises `BrokenRule` when that part of the answer is missing."""
        self._check(part)
        return self.words[name]

    def _check(self, part: str) -> None:
        problem = self.words.get(PROBLEM + part)
        if problem is not None:
            raise _failed(f"met {problem}")


def ask_second_process(subject: Subject) -> SecondOpinion:
    """Let a second process build everything anew, and embed with the saved aligner.

    Raises `BrokenRule` when it does not answer.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # an aligner that cannot be fitted here is told by the rules about aligners
        with contextlib.suppress(Exception):
            _write_aligner(subject, folder)
        (folder / REQUEST).write_text(json.dumps(_request(subject)), encoding="utf-8")
        problem = run_python("-m", MODULE, str(folder))
        if problem is None and not (folder / ANSWER).exists():
            problem = "ended before it answered"
        if problem is not None:
            raise _failed(problem)
        printed = (folder / PRINTED).read_text(encoding="utf-8", errors="replace")
        with safe_open(folder / ANSWER, framework="pt") as answer:
            tensors = {key: answer.get_tensor(key) for key in answer.keys()}  # noqa: SIM118
            words = dict(answer.metadata())
    return SecondOpinion(tensors=tensors, words=words, printed=printed)


def _failed(how: str) -> BrokenRule:
    return BrokenRule(
        f"a second process {how}, where this one did not",
        "the plugin to work in every process",
        "look for what it takes from this process alone",
    )


def _request(subject: Subject) -> dict[str, Any]:
    inputs = [(isinstance(source, Path), str(source)) for source in subject.examples.inputs]
    _ = subject.features  # by now all is imported that ever is
    own = own_modules(subject.reference, before=subject.modules)
    return {
        "name": subject.name,
        "reference": subject.reference,
        "inputs": inputs,
        "options": dict(subject.examples.options),
        "own modules": own,
        "taken modules": taken_modules(own),
    }


def _write_aligner(subject: Subject, folder: Path) -> None:
    fitted = subject.fitted
    given = {"values": fitted.rows.values, "mask": fitted.rows.mask, "anchors": fitted.anchors}
    spec = describe_spec(subject.built.encoder.features)
    state = fitted.state()
    save_file(given, folder / GIVEN, metadata={"spec": spec})
    (folder / STATE).write_bytes(state)


def run_python(*arguments: str) -> str | None:
    """Run another Python that hashes strings differently; return how it failed, or None."""
    other_hash = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    return run_child(arguments, time_limit_s=LIMIT_S, environment={"PYTHONHASHSEED": other_hash})

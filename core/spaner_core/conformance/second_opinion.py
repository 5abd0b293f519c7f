"""What a second process makes of a plugin: asked once, read by several rules."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from spaner_core.conformance.broken_rule import BrokenRule
from spaner_core.conformance.fitted import describe_spec

if TYPE_CHECKING:
    from spaner_core.conformance.subject import Subject

MODULE = "spaner_core.conformance.second_process"
REQUEST, GIVEN, STATE, ANSWER = (
    *("request.json", "given.safetensors", "aligner.safetensors", "answer.safetensors"),
)
LIMIT_S = 600
PROBLEM = "problem with "
"""How the answer's metadata begins to say why a part of it is missing."""


@dataclass(frozen=True, kw_only=True)
class SecondOpinion:
    """The answer: tensors and words by name; `problem` says why there is none at all."""

    tensors: Mapping[str, Tensor]
    words: Mapping[str, str]
    problem: str | None = None

    def tensor(self, name: str, *, part: str) -> Tensor:
        """Return a tensor; raises `BrokenRule` when that part of the answer is missing."""
        self._check(part)
        return self.tensors[name]

    def word(self, name: str, *, part: str) -> str:
        """Return a word; raises `BrokenRule` when that part of the answer is missing."""
        self._check(part)
        return self.words[name]

    def _check(self, part: str) -> None:
        problem = self.problem or self.words.get(PROBLEM + part)
        if problem is not None:
            raise BrokenRule(
                f"a second process failed where this one did not ({problem})",
                "the plugin to work in every process",
                "look for what it takes from this process alone",
            )


def ask_second_process(subject: Subject) -> SecondOpinion:
    """Let a second process build everything anew, and embed with the saved aligner."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / REQUEST).write_text(json.dumps(_request(subject)), encoding="utf-8")
        # an aligner that cannot be fitted here is told by the rules about aligners
        with contextlib.suppress(Exception):
            _write_aligner(subject, folder)
        problem = run_python("-m", MODULE, str(folder)).problem
        if problem is None and not (folder / ANSWER).exists():
            problem = "it ended before it answered"
        if problem is not None:
            return SecondOpinion(tensors={}, words={}, problem=problem)
        with safe_open(folder / ANSWER, framework="pt") as answer:
            tensors = {key: answer.get_tensor(key) for key in answer.keys()}  # noqa: SIM118
            return SecondOpinion(tensors=tensors, words=dict(answer.metadata()))


def _request(subject: Subject) -> dict[str, Any]:
    inputs = [(isinstance(source, Path), str(source)) for source in subject.examples.inputs]
    return {
        "name": subject.name,
        "reference": subject.reference,
        "inputs": inputs,
        "options": dict(subject.examples.options),
    }


def _write_aligner(subject: Subject, folder: Path) -> None:
    fitted = subject.fitted
    given = {"values": fitted.rows.values, "mask": fitted.rows.mask, "anchors": fitted.anchors}
    spec = describe_spec(subject.built.encoder.features)
    state = fitted.state()
    save_file(given, folder / GIVEN, metadata={"spec": spec})
    (folder / STATE).write_bytes(state)


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What another Python printed; `problem` is its last word when it failed, else None."""

    output: str
    problem: str | None


def run_python(*arguments: str) -> Ran:
    """Run another Python that finds the same modules and hashes strings differently."""
    places = [str(Path(place or ".").resolve()) for place in sys.path]
    other_hash = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
    environment = {"PYTHONPATH": os.pathsep.join(places), "PYTHONHASHSEED": other_hash}
    try:
        done = subprocess.run(
            [sys.executable, "-P", *arguments],
            env={**os.environ, **environment},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        return Ran(output="", problem=f"no answer within {LIMIT_S} s")
    said = done.stderr.strip().splitlines() or ["nothing was said"]
    failed = done.returncode != 0
    return Ran(
        output=done.stdout, problem=f"exit {done.returncode}, {said[-1]}" if failed else None
    )

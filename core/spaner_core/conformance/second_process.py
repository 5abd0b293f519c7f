"""The second process itself: `python -m spaner_core.conformance.second_process FOLDER`.

Reads a request from FOLDER, uses the plugin as the first process did, and writes what came out.
The aligner comes before the features: it has to be restored before there is an encoder.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from spaner_core.child import die_with_parent
from spaner_core.conformance.fitted import FittedAligner, restore_aligner
from spaner_core.conformance.own_imports import changes_at_import
from spaner_core.conformance.second_opinion import (
    ANSWER,
    GIVEN,
    PRINTED,
    PROBLEM,
    REQUEST,
    STATE,
)
from spaner_core.conformance.subject import Subject, open_subject
from spaner_core.errors import one_line
from spaner_core.features.rows import FeatureRows
from spaner_core.modality import Examples

Answer = tuple[dict[str, Tensor], dict[str, str]]


def main(folder: Path) -> None:
    """Answer the request in `folder`, each part by itself, so that one may fail."""
    with (folder / PRINTED).open("wb") as printed:
        os.dup2(printed.fileno(), 1)  # what libraries print beneath Python as well
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    imports = _attempt("imports", lambda: _import(request))
    inputs = [Path(source) if is_path else source for is_path, source in request["inputs"]]
    subject = open_subject(
        request["name"],
        folder,
        reference=request["reference"],
        examples=Examples(inputs=inputs, options=request["options"]),
    )
    answers = (
        imports,
        _attempt("aligner", lambda: _embed(subject, folder)),
        _attempt("features", lambda: _encode(subject)),
        _attempt("fingerprints", lambda: _identify(subject)),
        _attempt("previews", lambda: _show(subject)),
    )
    tensors = {name: tensor for some, _ in answers for name, tensor in some.items()}
    words = {name: word for _, some in answers for name, word in some.items()}
    save_file(tensors, folder / ANSWER, metadata=words)


def _attempt(part: str, answer: Callable[[], Answer]) -> Answer:
    try:
        return answer()
    except Exception as error:
        return {}, {PROBLEM + part: one_line(error)}


def _import(request: dict[str, Any]) -> Answer:
    changed = changes_at_import(request["own modules"], taken=request["taken modules"])
    return {}, {"changed": ", ".join(changed)}


def _embed(subject: Subject, folder: Path) -> Answer:
    with safe_open(folder / GIVEN, framework="pt") as file:
        given = {key: file.get_tensor(key) for key in ("values", "mask", "anchors")}
        spec = file.metadata()["spec"]
    fitted = FittedAligner(
        aligner=restore_aligner(subject, spec, (folder / STATE).read_bytes()),
        rows=FeatureRows(values=given["values"], mask=given["mask"]),
        anchors=given["anchors"],
    )
    return {"embedding": fitted.align().embedding}, {}


def _encode(subject: Subject) -> Answer:
    """Encode one input at a time, the last first: nothing may depend on what comes first."""
    inputs = subject.examples.inputs
    rows = subject.built.features(inputs[::-1], batch_size=1)
    rows = rows.take(torch.arange(len(inputs)).flip(0))
    return {"values": rows.values, "mask": rows.mask}, {}


def _identify(subject: Subject) -> Answer:
    encoder, transform = subject.built.fingerprints
    return {}, {"encoder": encoder, "transform": transform}


def _show(subject: Subject) -> Answer:
    for sample in subject.samples():
        subject.ask("spaner_preview", sample=sample)
    return {}, {}


if __name__ == "__main__":
    die_with_parent()
    main(Path(sys.argv[1]))

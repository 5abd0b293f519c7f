"""Uses a plugin in the second process as the first one did.

The aligner comes before the features: it has to be restored before there is an encoder.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from spaner_core.conformance.ask_second_process import GIVEN, PRINTED, STATE
from spaner_core.conformance.fitted_aligner import FittedAligner, read_spec, restore_aligner
from spaner_core.conformance.process_state import changes_at_import
from spaner_core.conformance.subject import Subject, open_subject
from spaner_core.contract.error_lines import with_place
from spaner_core.contract.modality import Examples
from spaner_core.features.rows import FeatureRows

Part = tuple[Mapping[str, Tensor], Mapping[str, str]]
"""Tensors, which go through a file, and words."""


def answer(request: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Answer each part by itself, so that one may fail."""
    folder = Path(request["folder"])
    with (folder / PRINTED).open("wb") as printed:
        os.dup2(printed.fileno(), 1)  # what libraries print beneath Python as well
    yield _attempt("imports", folder, lambda: _import(request))
    inputs = [Path(source) if is_path else source for is_path, source in request["inputs"]]
    subject = open_subject(
        request["name"],
        folder,
        reference=request["reference"],
        examples=Examples(inputs=inputs, options=request["options"]),
    )
    yield _attempt("aligner", folder, lambda: _embed(subject, folder))
    yield _attempt("features", folder, lambda: _encode(subject))
    yield _attempt("fingerprints", folder, lambda: _identify(subject))
    yield _attempt("previews", folder, lambda: _show(subject))


def _attempt(part: str, folder: Path, make: Callable[[], Part]) -> dict[str, str]:
    try:
        tensors, words = make()
    except (Exception, SystemExit) as error:
        return {"part": part, "problem": with_place(error)}
    if tensors:
        save_file(dict(tensors), folder / f"{part}.safetensors")
    return {"part": part, **words}


def _import(request: Mapping[str, Any]) -> Part:
    changed = changes_at_import(request["own modules"], taken=request["taken modules"])
    return {}, {"changed": ", ".join(changed)}


def _embed(subject: Subject, folder: Path) -> Part:
    with safe_open(folder / GIVEN, framework="pt") as file:
        given = {key: file.get_tensor(key) for key in ("values", "mask", "anchors")}
        spec = read_spec(file.metadata()["spec"])
    fitted = FittedAligner(
        aligner=restore_aligner(subject.build_aligner(spec), (folder / STATE).read_bytes()),
        spec=spec,
        rows=FeatureRows(values=given["values"], mask=given["mask"]),
        anchors=given["anchors"],
    )
    return {"embedding": fitted.align().embedding}, {}


def _encode(subject: Subject) -> Part:
    """Encode one input at a time, the last first: nothing may depend on what comes first."""
    inputs = subject.examples.inputs
    rows = subject.built.features(inputs[::-1], batch_size=1)
    rows = rows.take(torch.arange(len(inputs)).flip(0))
    return {"values": rows.values.contiguous(), "mask": rows.mask.contiguous()}, {}


def _identify(subject: Subject) -> Part:
    encoder, transform = subject.built.fingerprints
    return {}, {"encoder": encoder, "transform": transform}


def _show(subject: Subject) -> Part:
    for sample in subject.samples():
        subject.ask("spaner_preview", sample=sample)
    return {}, {}

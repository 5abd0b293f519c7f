"""The second process itself: `python -m spaner_core.conformance.second_process FOLDER`.

Reads a request from FOLDER, uses the plugin as the first process did, and writes what came out.
The aligner comes first: it has to be restored before there is an encoder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from spaner_core.conformance.broken_rule import one_line
from spaner_core.conformance.fitted import FittedAligner, restore_aligner
from spaner_core.conformance.second_opinion import ANSWER, GIVEN, PROBLEM, REQUEST, STATE
from spaner_core.conformance.subject import Subject, open_subject
from spaner_core.features.rows import FeatureRows
from spaner_core.modality import Examples

Answer = tuple[dict[str, Tensor], dict[str, str]]


def main(folder: Path) -> None:
    """Answer the request in `folder`, each part by itself, so that one may fail."""
    request = json.loads((folder / REQUEST).read_text(encoding="utf-8"))
    inputs = [Path(source) if is_path else source for is_path, source in request["inputs"]]
    examples = Examples(inputs=inputs, options=request["options"])
    subject = open_subject(
        request["name"], folder, reference=request["reference"], examples=examples
    )
    tensors: dict[str, Tensor] = {}
    words: dict[str, str] = {}
    for part, answer in (("aligner", _embed), ("features", _encode), ("fingerprints", _identify)):
        try:
            some_tensors, some_words = answer(subject, folder)
        except Exception as error:
            words[PROBLEM + part] = one_line(error)
        else:
            tensors |= some_tensors
            words |= some_words
    save_file(tensors, folder / ANSWER, metadata=words)


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


def _encode(subject: Subject, folder: Path) -> Answer:
    return {"values": subject.features.values, "mask": subject.features.mask}, {}


def _identify(subject: Subject, folder: Path) -> Answer:
    encoder, transform = subject.built.fingerprints
    return {}, {"encoder": encoder, "transform": transform}


if __name__ == "__main__":
    main(Path(sys.argv[1]))

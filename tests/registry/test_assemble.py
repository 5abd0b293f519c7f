"""What stands in plugins.yaml or in a space's record, as plugins get it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from spaner_core.errors import DataError, SpaceError
from spaner_core.records import AlignerRecord
from spaner_registry.assemble import Assembly
from spaner_registry.registry import Registry
from spaner_registry.space_options import ModalityOptions, options_from_space

from tests.core import stored


def record(**options: Any) -> dict[str, AlignerRecord]:
    return {"first": dataclasses.replace(stored.aligner_record("first"), **options)}


@pytest.mark.parametrize(
    "options",
    [
        {"model": "/etc/passwd"},
        {"model": "../other"},
        {"deep": [{"adapter": "C:\\models"}]},
        {"model": "a", "trust_remote_code": True},
        {"deep": {"trust_remote_code": "yes"}},
    ],
)
@pytest.mark.parametrize("kind", ["encoder_options", "aligner_options"])
def test_a_space_decides_neither_foreign_code_nor_foreign_files(
    kind: str, options: dict[str, Any]
) -> None:
    with pytest.raises(SpaceError, match=r"in your own plugins.yaml"):
        options_from_space(record(**{kind: options}))


def test_a_space_may_name_what_lies_beside_it() -> None:
    found = options_from_space(record(encoder_options={"model": "./bert", "trust_remote_code": 0}))
    assert found["first"].encoder == {"model": "./bert", "trust_remote_code": 0}


def test_relative_paths_reach_the_plugin_joined_to_the_folder_of_the_yaml(tmp_path: Path) -> None:
    asked: list[Any] = []

    class Asked(Registry):
        def load(self, name: str) -> Any:
            return self

        def build_encoder(self, options: Any) -> Any:
            asked.append(options)
            raise DataError("far enough")

    given = {"model": "./bert", "deep": [{"adapter": "../lora"}], "name": "org/model", "n": 3}
    options = {"text": ModalityOptions(encoder=given, aligner={})}
    assembly = Assembly(Asked(), options, folder=tmp_path / "project")
    with pytest.raises(DataError, match="far enough"):
        assembly.modality("text")
    (seen,) = asked
    assert seen["model"] == str(tmp_path / "project/bert")
    assert Path(seen["deep"][0]["adapter"]).resolve() == tmp_path / "lora"
    assert (seen["name"], seen["n"]) == ("org/model", 3)
    assert assembly.options["text"].encoder == given  # records keep what was written

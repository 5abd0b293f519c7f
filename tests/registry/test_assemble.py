"""What stands in plugins.yaml or in a space's record, as plugins get it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core.errors import DataError, SpaceError
from spaner_core.space.records import AlignerRecord, ModalityRecord, ReaderRecord
from spaner_registry.assemble import Assembly
from spaner_registry.plugins.registry import Registry
from spaner_registry.space_options import ModalityOptions, options_from_space

from tests.core import stored

Install = Callable[..., Path]


def record(**options: Any) -> dict[str, AlignerRecord]:
    return {"first": replace(stored.aligner_record("first"), **options)}


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


READERS = """

class First(torch.nn.Module):
    name = "first"

    def __init__(self, features, options):
        super().__init__()
        self.width, self.options = features.dim, {"power": options.get("power", 1)}

    def fit(self, rows):
        pass

    def forward(self, features, mask):
        return features.mean(dim=1) ** self.options["power"]


class Second(First):
    name = "second"


USUAL = First


@hookimpl
def spaner_build_reader(features, options):
    return {"first": First, "second": Second}.get(options.get("name"), USUAL)(features, options)
"""


@pytest.fixture
def with_readers(install_plugin: Install, toy_source: str) -> Assembly:
    """A plugin that has two readers and leaves the aligner to core."""
    head, _, below = toy_source.partition("@hookimpl\ndef spaner_build_aligner")
    assert below
    install_plugin("toy", source=head + READERS)
    return Assembly(Registry(), {"toy": ModalityOptions(encoder={}, aligner={"hidden": 4})})


def test_a_space_reads_as_it_did_where_a_plugin_prefers_another_reader_now(
    with_readers: Assembly,
) -> None:
    record = with_readers.record("toy")
    assert record.reader == ReaderRecord(name="first", options={"power": 1})
    module = sys.modules["plugin_spaner_toy"]
    vars(module)["USUAL"] = vars(module)["Second"]
    assert built(with_readers, record) == ("first", {"power": 1})
    assert built(with_readers, replace(record, reader=None)) == ("second", {"power": 1})
    assert with_readers.record("toy").reader == ReaderRecord(name="second", options={"power": 1})


def built(assembly: Assembly, record: ModalityRecord) -> tuple[str, object]:
    aligner: Any = assembly.recorded_aligner(record, prompt_dim=8)
    return aligner.reader.name, aligner.reader.options


def test_describing_a_reader_draws_no_random_number(with_readers: Assembly) -> None:
    before = torch.get_rng_state()
    with_readers.record("toy")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("third", {}, "'third' is no reader of this modality"),
        ("first", {"pwoer": 1}, "'first' does not take pwoer = 1"),
        ("pool", {"segments": "many"}, "segments is 'many'"),
        ("first", {"table": "/etc/passwd"}, "may not point outside"),
    ],
)
def test_a_reader_that_a_space_makes_up_is_refused(
    with_readers: Assembly, name: str, options: dict[str, Any], says: str
) -> None:
    record = replace(with_readers.record("toy"), reader=ReaderRecord(name=name, options=options))
    with pytest.raises(SpaceError) as caught:
        with_readers.recorded_aligner(record, prompt_dim=8)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_plugin_that_builds_the_aligner_itself_has_no_reader_to_record(
    install_plugin: Install,
) -> None:
    install_plugin("toy")
    own = Assembly(Registry(), {"toy": ModalityOptions(encoder={}, aligner={})})
    assert own.record("toy").reader is None


def test_a_reader_is_chosen_in_plugins_yaml(with_readers: Assembly) -> None:
    given = {"name": "second", "power": 3}
    chosen = Assembly(
        with_readers.registry, {"toy": ModalityOptions(encoder={}, aligner={"reader": given})}
    )
    aligner: Any = chosen.aligner_builder("toy", prompt_dim=8)()
    assert (aligner.reader.name, aligner.reader.options) == ("second", {"power": 3})
    assert chosen.record("toy").reader == ReaderRecord(name="second", options={"power": 3})


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

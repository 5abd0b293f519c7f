"""Whatever a plugin does as it reads one input is told with plugin, distribution and input."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core import FeatureSpec, PluginError, RowBatch
from spaner_core.contract.transform import Content, HasParts, HeaderCheck, TakesObjects
from spaner_core.errors import DataError, FailedInput
from spaner_core.features.store import FeatureStore
from spaner_registry.assemble import Assembly
from spaner_registry.plugins.registry import Registry
from spaner_registry.space_options import ModalityOptions

Install = Callable[..., Path]

TOY = (Path(__file__).parents[1] / "toy_modality.py").read_text(encoding="utf-8")
FAILING = (
    TOY
    + """

import sys
from spaner_core import CrossAttentionAligner, MeanTokens


class FailingTransform(ToyTransform):
    def decode(self, source):
        if source == "1 0 0":
            return {}["hr"]
        if source == "2 0 0":
            sys.exit(0)
        if source == "3 0 0":
            print("here", end=" I am")
        return super().decode(source)

    def prepare(self, sample):
        if sample == [[[4.0, 0.0, 0.0]]]:
            raise GeneratorExit
        yield from sample  # in a plugin's code until the last one is taken
        if sample == [[[5.0, 0.0, 0.0]]]:
            1 / 0

    def parts(self, sample):
        raise LookupError("no part")

    def without(self, sample, part):
        return sample


class FailingEncoder(ToyEncoder):
    def collate(self, inputs):
        if [[6.0, 0.0, 0.0]] in inputs:
            raise OverflowError("six")
        if len(inputs) > 1 and [[9.0, 9.0, 9.0]] in inputs:
            raise ValueError("never nine with others")
        return super().collate(inputs)

    def __call__(self, batch):
        tokens, mask = super().__call__(batch)
        tokens[(tokens == 7).any(dim=2)] = float("nan")
        return tokens[:, :, :2] if (tokens == 8).any() else tokens, mask


class Noise:
    name = "noise"

    def apply(self, sample, *, severity, seed):
        raise KeyError("noise")


class OwnAligner(CrossAttentionAligner):
    def forward(self, *given, **named):
        raise SystemExit(0)

    def fit_statistics(self, rows, *, concept_count):
        raise ValueError("no rows for me")


class OwnReader(MeanTokens):
    name = "own"

    def forward(self, features, mask):
        return {}["width"]


@hookimpl
def spaner_build_transform(options):
    return FailingTransform(read_options(ToyOptions, options))


@hookimpl
def spaner_build_encoder(options):
    return FailingEncoder(read_options(ToyOptions, options))


@hookimpl
def spaner_corruptions():
    return [Noise()]


@hookimpl
def spaner_preview(sample):
    return sample.shape


@hookimpl
def spaner_recognise(head):
    return 1 / 0


@hookimpl
def spaner_build_reader(features):
    return OwnReader(features)
"""
)
GOOD = ["0 1 2", "0 2 1; 1 1 1", "0 0 3 | 3 3 0"]
WHOSE = "plugin 'toy' of acme-toy 0.1.0: "


@pytest.fixture
def assembly(install_plugin: Install) -> Assembly:
    install_plugin("toy", source=FAILING, distribution="acme-toy")
    return Assembly(Registry(), {"toy": ModalityOptions(encoder={}, aligner={})})


def reasons(assembly: Assembly, store: Path, inputs: Sequence[str], *, most: int = 9) -> list[str]:
    """Extract to a store; return why inputs cannot be used, in their order."""
    found = assembly.extract_stored(
        "toy", inputs, store=FeatureStore(store, dtype="float32"), max_unusable=most
    )
    assert found.usable.tolist() == [p for p, i in enumerate(inputs) if i in [*GOOD, "3 0 0"]]
    return [found.unusable[place] for place in sorted(found.unusable)]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("1 0 0", "decode failed (KeyError: 'hr', at plugin_acme_toy.py, line "),
        ("2 0 0", "decode failed (SystemExit: 0, at plugin_acme_toy.py, line "),
        ("4 0 0", "prepare failed (GeneratorExit, at plugin_acme_toy.py, line "),
        (
            "5 0 0",
            "prepare failed (ZeroDivisionError: division by zero, at plugin_acme_toy.py, line ",
        ),
        ("6 0 0", "collate failed (OverflowError: six, at plugin_acme_toy.py, line "),
        ("7 0 0", "the encoder of plugin 'toy' of acme-toy 0.1.0 gave NaN"),
        ("8 0 0", "the encoder of plugin 'toy' of acme-toy 0.1.0 gave tokens (1, 1, 2)"),
    ],
)
def test_an_input_that_its_plugin_fails_on_is_put_aside_and_the_others_go_on(
    assembly: Assembly, tmp_path: Path, given: str, says: str
) -> None:
    (said,) = reasons(assembly, tmp_path / "store", [GOOD[0], given, *GOOD[1:]])
    assert says in said
    assert "plugin 'toy' of acme-toy 0.1.0" in said
    assert "\n" not in said
    with pytest.raises(DataError) as caught:  # as a query, which is all there is
        assembly.extract("toy", [given])
    assert str(caught.value).startswith(repr(given))
    assert says in str(caught.value)


def test_too_many_of_them_are_too_many(assembly: Assembly, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"(?s)3 of 6 inputs .*'1 0 0': plugin 'toy'.*'7 0 0': the"):
        reasons(assembly, tmp_path, ["1 0 0", *GOOD, "2 0 0", "7 0 0"], most=2)


def test_what_a_mended_plugin_reads_is_tried_again(
    assembly: Assembly, install_plugin: Install, tmp_path: Path
) -> None:
    inputs = [*GOOD, "1 0 0", "not numbers"]
    assert len(reasons(assembly, tmp_path / "store", inputs)) == 2
    transform: Any = assembly.modality("toy").transform
    transform.own.decode = lambda source: [[[1.0, 0.0, 0.0]]]
    found = assembly.extract_stored(
        "toy", inputs, store=FeatureStore(tmp_path / "store", dtype="float32"), max_unusable=1
    )
    assert list(found.unusable) == [4]  # a verdict of the plugin's own is remembered
    assert found.extracted == 1


def test_an_encoder_that_fails_on_inputs_together_is_to_blame_itself(assembly: Assembly) -> None:
    with pytest.raises(PluginError, match=r"'toy' of acme-toy .*collate failed .*never nine"):
        assembly.extract("toy", ["9 9 9", *GOOD])


def test_what_it_prints_is_told_with_its_name_and_input(
    assembly: Assembly, capsys: pytest.CaptureFixture[str]
) -> None:
    assembly.extract("toy", ["3 0 0"])
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.splitlines() == [
        "plugin 'toy' of acme-toy 0.1.0, decode of '3 0 0', printed: here I am"
    ]


def test_a_transform_has_the_optional_methods_of_the_plugins_own(assembly: Assembly) -> None:
    transform = assembly.modality("toy").transform
    assert isinstance(transform, HasParts)
    assert not isinstance(transform, HeaderCheck | TakesObjects)
    with pytest.raises(FailedInput, match=r"'toy' of acme-toy .*parts failed .*no part"):
        transform.parts("sample")


def test_other_code_of_a_plugin_is_named_as_well(assembly: Assembly) -> None:
    plugin = assembly.registry.load("toy")
    (noise,) = assembly.corruptions("toy")
    with pytest.raises(FailedInput, match=f"{WHOSE}corruption 'noise' failed"):
        noise.apply("sample", severity=1, seed=0)
    with pytest.raises(FailedInput, match=f"{WHOSE}spaner_preview failed"):
        plugin.preview("sample")
    with pytest.raises(PluginError, match=f"{WHOSE}spaner_recognise failed"):
        plugin.recognise(b"", ".toy")


ROWS = RowBatch(torch.ones(2, 1, 3), torch.ones(2, 1, dtype=torch.bool), torch.tensor([0, 1]))


def test_a_reader_that_fails_in_training_is_named(assembly: Assembly) -> None:
    aligner = assembly.aligner_builder("toy", prompt_dim=4)()
    with pytest.raises(PluginError, match=f"{WHOSE}OwnReader.forward failed .*'width'"):
        aligner.fit_statistics([ROWS], concept_count=2)


@pytest.mark.parametrize("given", ["features.mean(dim=1)[:, :2]", "features[0]", "None"])
def test_a_reader_of_another_width_than_it_says_is_named(
    install_plugin: Install, given: str
) -> None:
    source = FAILING.replace('{}["width"]', given)
    install_plugin("toy", source=source, distribution="acme-toy")
    assembly = Assembly(Registry(), {"toy": ModalityOptions(encoder={}, aligner={})})
    aligner = assembly.aligner_builder("toy", prompt_dim=4)()
    with pytest.raises(PluginError, match=rf"{WHOSE}OwnReader.forward gives .*\(2, 3\)"):
        aligner.fit_statistics([ROWS], concept_count=2)


def test_an_aligner_that_fails_in_training_is_named(install_plugin: Install) -> None:
    own = """

@hookimpl
def spaner_build_aligner(features, prompt_dim):
    from spaner_core import AlignerOptions
    return OwnAligner(
        MeanTokens(features), features=features, prompt_dim=prompt_dim, options=AlignerOptions()
    )
"""
    install_plugin("toy", source=FAILING + own, distribution="acme-toy")
    aligner: Any = Registry().load("toy").build_aligner(FeatureSpec(dim=3), 4, {})
    with pytest.raises(PluginError, match=f"{WHOSE}OwnAligner.fit_statistics failed .*no rows"):
        aligner.fit_statistics([ROWS], concept_count=2)
    with pytest.raises(PluginError, match=f"{WHOSE}OwnAligner.forward failed .*SystemExit"):
        aligner(*ROWS[:2], torch.ones(2, 4), beta=torch.tensor(1.0), strength=0.5)


def test_an_upload_is_named_as_people_call_it(
    assembly: Assembly, capsys: pytest.CaptureFixture[str]
) -> None:
    transform: Any = assembly.modality("toy").transform
    transform.own.decode = print
    transform.decode(Content(b"0 1 2", "holiday.toy", ".toy"))
    assert "decode of holiday.toy, printed: " in capsys.readouterr().err

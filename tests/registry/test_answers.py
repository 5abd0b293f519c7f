"""What hooks return is checked before anything uses it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spaner_core import FeatureSpec, PluginError
from spaner_core.pretrained.freeze import FrozenEncoder
from spaner_registry.plugins.registry import Registry

Install = Callable[..., Path]

EXTRA = """
from spaner_core import Examples


class Bare: pass


class Strange:
    def __init__(self, **members): vars(self).update(members)


class Touchy:
    @property
    def fingerprint(self): raise RuntimeError("do not touch")
    @property
    def features(self): raise SystemExit(4)


class Endless:
    def __getattr__(self, name): return self


class Reading(torch.nn.Module):
    name, width = "reading", 3
    fit = forward = print
    def __init__(self, options):
        super().__init__()
        self.options = options


@hookimpl
def spaner_corruptions(options): return CORRUPTIONS


@hookimpl
def spaner_preview(sample): return PREVIEW


@hookimpl
def spaner_build_reader(features): return READER


@hookimpl
def spaner_recognise(head): return RECOGNISED


@hookimpl
def spaner_examples(folder): return EXAMPLES


READER = None
RECOGNISED = None
CORRUPTIONS = PREVIEW = EXAMPLES = None
"""
ENCODER = "return Encoder(read_options(Options, options))"
TRANSFORM = "return Transform(encoder)"
ALIGNER = 'return Aligner("NAME", features.dim, prompt_dim, dict(options))'
SPEC = "FeatureSpec(dim=3)"
NO_CALL = f"Strange(features={SPEC}, fingerprint='f', collate=list)"


def _ask(registry: Registry, hook: str) -> object:
    """Ask one plugin through the typed method that stands for `hook`."""
    answers: dict[str, Callable[[], object]] = {
        "spaner_modality": lambda: registry.load("toy").modality,
        "spaner_build_encoder": lambda: registry.load("toy").build_encoder({}),
        "spaner_build_transform": lambda: registry.load("toy").build_transform(
            registry.load("toy").build_encoder({}), {}
        ),
        "spaner_build_aligner": lambda: registry.load("toy").build_aligner(
            FeatureSpec(dim=3), 16, {}
        ),
        "spaner_build_reader": lambda: registry.load("toy").build_reader(FeatureSpec(dim=3), {}),
        "spaner_recognise": lambda: registry.load("toy").recognise(b"1 0 2", ".toy"),
        "spaner_corruptions": lambda: registry.load("toy").corruptions({}),
        "spaner_preview": lambda: registry.load("toy").preview("a sample"),
        "spaner_examples": lambda: registry.load("toy").examples(Path()),
    }
    return answers[hook]()


WRONG = [
    # hook, what stands in its place, what is said of it
    ("spaner_build_encoder", f"{ENCODER}|return None", "returned None"),
    ("spaner_build_encoder", f"{ENCODER}|return 3", "returned int without features, fingerprint"),
    ("spaner_build_encoder", f"{ENCODER}|return {NO_CALL}", "Strange without __call__"),
    ("spaner_build_encoder", f"{ENCODER}|return Encoder", "without"),
    ("spaner_build_encoder", "FeatureSpec(dim=options|dict(dim=options", "features are dict"),
    ("spaner_build_encoder", 'f"toy-{options.width}"|b"toy"', "fingerprint is b'toy'"),
    ("spaner_build_encoder", 'f"toy-{options.width}"|""', "fingerprint is ''"),
    ("spaner_build_encoder", 'f"toy-{options.width}"|None', "fingerprint is None"),
    ("spaner_build_encoder", "def collate|collate = 3\n    def other", "without collate"),
    (
        "spaner_build_encoder",
        f"{ENCODER}|return Touchy()",
        "(SystemExit: 4, at plugin_spaner_toy.py",
    ),
    ("spaner_build_encoder", f"{ENCODER}|return Endless()", "Endless without collate"),
    ("spaner_build_transform", f"{TRANSFORM}|return None", "returned None"),
    ("spaner_build_transform", f"{TRANSFORM}|return encoder", "Encoder without decode, prepare"),
    (
        "spaner_build_transform",
        f"{TRANSFORM}|return Touchy()",
        "not touch, at plugin_spaner_toy.py, line ",
    ),
    ("spaner_build_transform", 'fingerprint = "toy"|fingerprint = 7', "fingerprint is 7"),
    ("spaner_build_aligner", f"{ALIGNER}|return Bare()", "Bare, which is no torch.nn.Module"),
    ("spaner_build_aligner", f"{ALIGNER}|return Aligner", "type, which is no torch.nn.Module"),
    ("spaner_build_aligner", "def forward|def onward", "Aligner without forward"),
    ("spaner_build_aligner", "def fit_statistics|def fit", "Aligner without fit_statistics"),
    ("spaner_build_reader", "READER = |READER = 3; X = ", "int, which is no torch.nn.Module"),
    (
        "spaner_build_reader",
        "READER = |READER = Aligner(); X = ",
        "without name, options, width, fit",
    ),
    ("spaner_build_reader", "READER = |READER = Reading({3}); X = ", "options are {3}"),
    ("spaner_build_reader", "READER = |READER = Reading({3: 4}); X = ", "options are {3: 4}"),
    ("spaner_recognise", "RECOGNISED = |RECOGNISED = 'yes'; X = ", "returned str"),
    ("spaner_corruptions", "CORRUPTIONS = |CORRUPTIONS = 3; ", "returned int"),
    ("spaner_corruptions", "CORRUPTIONS = |CORRUPTIONS = iter([Noise()]); ", "returned list_iter"),
    ("spaner_corruptions", "CORRUPTIONS = |CORRUPTIONS = [Noise(), Bare()]; ", "Bare without name"),
    ("spaner_corruptions", "CORRUPTIONS = |CORRUPTIONS = 'noise'; ", "a str without name, apply"),
    (
        "spaner_corruptions",
        "CORRUPTIONS = |CORRUPTIONS = [Strange(name='', apply=len)]; ",
        "a Strange whose name is ''",
    ),
    ("spaner_preview", "PREVIEW = |PREVIEW = 'text'; X = ", "returned str"),
    ("spaner_examples", "EXAMPLES = |EXAMPLES = ['1 0 2']; X = ", "returned list"),
    ("spaner_modality", 'suffixes=(".toy",)|suffixes=".toy"', "the suffixes '.toy'"),
    ("spaner_modality", 'suffixes=(".toy",)|suffixes=("toy",)', "the suffixes ('toy',)"),
    ("spaner_modality", 'suffixes=(".toy",)|suffixes=(".TOY",)', "the suffixes ('.TOY',)"),
]


@pytest.mark.parametrize(("hook", "change", "words"), WRONG)
def test_an_answer_that_the_contract_does_not_allow_is_refused(
    install_plugin: Install, toy_source: str, hook: str, change: str, words: str
) -> None:
    old, _, new = change.partition("|")
    source = toy_source + EXTRA
    assert source.count(old) == 1, old
    install_plugin("toy", source=source.replace(old, new))
    install_plugin("sound", source=toy_source)
    registry = Registry()
    with pytest.raises(PluginError) as caught:
        _ask(registry, hook)
    message = str(caught.value)
    assert message.startswith("plugin 'toy' of spaner-toy 0.1.0: ")
    assert hook in message or "freezing" in message
    assert words in message
    assert "; expected " in message
    assert "\n" not in message
    assert isinstance(registry.load("sound").build_encoder({}), FrozenEncoder)


@pytest.mark.parametrize("given", ["()", "[]", "[Noise()]", "(Noise(), Noise())", "None"])
def test_corruptions_may_be_any_sequence_or_none(
    install_plugin: Install, toy_source: str, given: str
) -> None:
    extra = EXTRA.replace("CORRUPTIONS = ", f"CORRUPTIONS = {given}; X = ")
    install_plugin("toy", source=toy_source + extra)
    names = [corruption.name for corruption in Registry().load("toy").corruptions({})]
    assert names == ["noise"] * given.count("Noise")


def test_examples_are_asked_for_with_a_folder_and_may_be_absent(
    install_plugin: Install, toy_source: str, tmp_path: Path
) -> None:
    told = "\n@hookimpl\ndef spaner_examples(folder): return Examples(inputs=[folder / 'a'])\n"
    install_plugin("toy", source=f"from spaner_core import Examples\n{toy_source}{told}")
    install_plugin("sound")
    registry = Registry()
    examples = registry.load("toy").examples(tmp_path)
    assert examples is not None
    assert examples.inputs == [tmp_path / "a"]
    assert registry.load("sound").examples(tmp_path) is None

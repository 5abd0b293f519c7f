from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from spaner_core import ConfigError, FeatureSpec, OptionError, PluginError
from spaner_core.contract import hookspecs
from spaner_core.contract.hook_checks import KNOWN_HOOKS, REQUIRED_HOOKS
from spaner_core.pretrained.freeze import FrozenEncoder
from spaner_registry.plugins.discovery import LOAD_PLUGINS
from spaner_registry.plugins.registry import Registry

Install = Callable[..., Path]


def _message(caught: pytest.ExceptionInfo[PluginError]) -> str:
    message = str(caught.value)
    assert "\n" not in message
    assert "pip install" not in message
    return message


def _refusal(name: str, registry: Registry | None = None) -> str:
    with pytest.raises(PluginError) as caught:
        (registry or Registry()).load(name)
    return _message(caught)


def test_loads_only_what_is_asked_for(install_plugin: Install) -> None:
    install_plugin("toy", version="1.5")
    install_plugin("wreck", source="raise RuntimeError('never imported')")
    registry = Registry()
    assert registry.load("toy").modality.suffixes == (".toy",)
    assert "plugin_spaner_wreck" not in sys.modules
    assert registry.load("toy").found.origin == "spaner-toy 1.5"


def test_every_call_reaches_the_named_plugin_alone(install_plugin: Install) -> None:
    install_plugin("first")
    install_plugin("second")
    registry = Registry()
    features = FeatureSpec(dim=3)
    for name in ("first", "second"):
        registry.load(name)
    for name in ("first", "second"):
        aligner = registry.load(name).build_aligner(features, 16, {"a": 1})
        assert aligner.given == (name, 3, 16, {"a": 1})  # type: ignore[attr-defined]
        assert registry.load(name).modality.name == name


def test_encoder_is_frozen_and_the_transform_gets_the_plugins_own(install_plugin: Install) -> None:
    install_plugin("toy")
    registry = Registry()
    encoder = registry.load("toy").build_encoder({"width": 7})
    assert isinstance(encoder, FrozenEncoder)
    assert encoder.features.dim == 7
    transform = registry.load("toy").build_transform(encoder, {})
    assert transform.own.encoder is encoder.encoder  # type: ignore[attr-defined]


def test_optional_hooks_may_be_absent(install_plugin: Install) -> None:
    install_plugin("toy")
    registry = Registry()
    assert registry.load("toy").corruptions({}) == ()
    assert registry.load("toy").preview("a sample") is None


def test_optional_hooks_answer(install_plugin: Install, toy_source: str) -> None:
    extra = (
        "\n@hookimpl\ndef spaner_corruptions(): return [Noise()]\n"
        "\n@hookimpl\ndef spaner_preview(sample): return Preview(text=f'<{sample}>')\n"
    )
    install_plugin("toy", source=toy_source + extra)
    registry = Registry()
    assert [corruption.name for corruption in registry.load("toy").corruptions({})] == ["noise"]
    preview = registry.load("toy").preview("x")
    assert preview is not None
    assert preview.text == "<x>"


def test_wrong_options_pass_through_as_the_plugin_said_them(install_plugin: Install) -> None:
    install_plugin("toy")
    with pytest.raises(OptionError) as caught:
        Registry().load("toy").build_encoder({"widht": 3, "width": "wide"})
    assert [name for name, _ in caught.value.problems] == ["widht", "width"]


def test_unknown_name_gives_the_nearest_and_what_is_installed(install_plugin: Install) -> None:
    install_plugin("seismic")
    message = _refusal("sesmic")
    assert "no plugin 'sesmic' is installed" in message
    assert "did you mean 'seismic'?" in message
    assert "spaner-sesmic" not in message


def test_unknown_name_without_a_near_one(install_plugin: Install) -> None:
    install_plugin("seismic")
    message = _refusal("qqq")
    assert "seismic" in message
    assert "did you mean" not in message
    assert "spaner-qqq" not in message


def test_duplicate_name_fails_only_where_it_is_asked_for(install_plugin: Install) -> None:
    install_plugin("toy", distribution="spaner-toy", version="1.0")
    install_plugin("toy", distribution="other-toy", version="2.0")
    install_plugin("sound")
    registry = Registry()
    message = _refusal("toy", registry)
    assert "spaner-toy 1.0" in message
    assert "other-toy 2.0" in message
    assert registry.load("sound").modality.name == "sound"


def test_policy_and_environment_refuse(
    install_plugin: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install_plugin("toy", source="raise RuntimeError('must not be imported')")
    assert "policy.allow" in _refusal("toy", Registry(allow=["spaner-text"]))
    monkeypatch.setenv(LOAD_PLUGINS, "")
    assert "SPANER_LOAD_PLUGINS" in _refusal("toy")


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import no_such_module_here", "ModuleNotFoundError: No module named 'no_such_module"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_import_errors_name_plugin_distribution_and_cause(
    install_plugin: Install, source: str, words: str
) -> None:
    install_plugin("toy", source=source, version="0.3")
    install_plugin("sound")
    registry = Registry()
    message = _refusal("toy", registry)
    assert message.startswith("plugin 'toy' of spaner-toy 0.3 cannot be imported")
    assert words in message
    assert registry.load("sound").modality.name == "sound"  # the others go on


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "def spaner_build_transform",
            "def spaner_build_transfrom",
            [
                "unknown hook spaner_build_transfrom (did you mean spaner_build_transform?)",
                "required hooks are missing: spaner_build_transform",
            ],
        ),
        (
            "@hookimpl\ndef spaner_build_aligner",
            "@hookimpl\ndef spaner_colour(): pass\n\n@hookimpl\ndef spaner_build_aligner",
            ["unknown hook spaner_colour"],
        ),
        (
            "@hookimpl\ndef spaner_modality",
            "def describe",
            ["required hooks are missing: spaner_modality"],
        ),
        (
            "@hookimpl\ndef spaner_build_transform",
            "def spaner_build_transform",
            ["spaner_build_transform lacks @spaner_core.hookimpl"],
        ),
        (
            "def spaner_build_encoder(options)",
            "def spaner_build_encoder(settings)",
            ["spaner_build_encoder", "'settings'"],
        ),
        ("api_version=2", "api_version=99", ["version 99", "version 2"]),
        ("api_version=2, ", "", ["version 1 ", "version 2", "docs/plugin-contract.md"]),
        ('Modality(name="NAME"', 'Modality(name="TOY"', ["'TOY'", "entry point, 'toy'"]),
        ("return Modality(", "return dict(", ["spaner_modality returned dict"]),
        ("return Modality(", "return None and dict(", ["spaner_modality returned None;"]),
        ("return Modality(", "1 / 0; return dict(", ["spaner_modality failed", "division by zero"]),
    ],
)
def test_a_plugin_that_breaks_the_contract_is_refused(
    install_plugin: Install, toy_source: str, old: str, new: str, words: list[str]
) -> None:
    assert old in toy_source
    install_plugin("toy", source=toy_source.replace(old, new))
    install_plugin("sound")
    registry = Registry()
    message = _refusal("toy", registry)
    for word in ["plugin 'toy' of spaner-toy 0.1.0", *words]:
        assert word in message
    assert message == _refusal("toy", registry)  # nothing of it stays behind
    registry.load("sound")


def test_another_contract_version_is_told_before_its_unknown_hooks(
    install_plugin: Install, toy_source: str
) -> None:
    source = toy_source.replace("api_version=2", "api_version=3")
    install_plugin("toy", source=source.replace("spaner_build_aligner", "spaner_build_bridge"))
    message = _refusal("toy")
    assert "version 3" in message
    assert "bridge" not in message


def test_one_module_under_two_names_is_refused(install_plugin: Install) -> None:
    install_plugin("toy", target="plugin_shared")
    root = install_plugin("copy", target="plugin_shared_too")
    (root / "plugin_shared_too.py").write_text(
        "import sys, plugin_shared\nsys.modules[__name__] = plugin_shared\n"
    )
    registry = Registry()
    registry.load("toy")
    assert "its name is 'toy'; expected the name of its entry point, 'copy'" in _refusal(
        "copy", registry
    )
    assert registry.load("toy").modality.name == "toy"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("raise KeyError('model')", "spaner_build_encoder failed (KeyError: 'model', at "),
        ("return None", "spaner_build_encoder returned None"),
    ],
)
def test_a_hook_that_fails_or_gives_nothing(
    install_plugin: Install, toy_source: str, body: str, words: str
) -> None:
    source = toy_source.replace("return Encoder(read_options(Options, options))", body)
    install_plugin("toy", source=source)
    with pytest.raises(PluginError) as caught:
        Registry().load("toy").build_encoder({})
    assert "plugin 'toy' of spaner-toy 0.1.0" in _message(caught)
    assert words in str(caught.value)
    assert isinstance(caught.value.__cause__, KeyError) == ("KeyError" in words)


def test_what_a_plugin_says_on_purpose_is_not_rewritten(
    install_plugin: Install, toy_source: str
) -> None:
    source = toy_source.replace(
        "return Encoder(",
        "from spaner_core import ConfigError\n    raise ConfigError('as is')\n    (",
    )
    install_plugin("toy", source=source)
    with pytest.raises(ConfigError, match=r"^as is$"):
        Registry().load("toy").build_encoder({})


def test_required_hooks_are_those_the_contract_calls_required() -> None:
    required = {name for name in KNOWN_HOOKS if "Required" in getattr(hookspecs, name).__doc__}
    assert required == set(REQUIRED_HOOKS)
    assert len(KNOWN_HOOKS) == 9

"""The noise that a modality's plugin offers, asked with the options that its encoder gets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spaner_core.errors import ConfigError, PluginError
from spaner_registry.assemble import Assembly
from spaner_registry.config.settings import read_config
from spaner_registry.plugins.registry import Registry
from spaner_registry.space_options import ModalityOptions

Install = Callable[..., Path]

CONFIG = """\
space: space
data: {manifest: manifest.csv}
modalities:
  toy:
    encoder: {widht: 3}
"""


def assembly(options: dict[str, object], folder: Path) -> Assembly:
    return Assembly(
        Registry(), {"toy": ModalityOptions(encoder=options, aligner={})}, folder=folder
    )


def test_corruptions_are_asked_with_the_encoders_options(
    install_plugin: Install, toy_source: str, tmp_path: Path
) -> None:
    asks = (
        "\n@hookimpl\ndef spaner_corruptions(options):"
        "\n    noise = Noise()\n    noise.name = options['model']\n    return [noise]\n"
    )
    install_plugin("toy", source=toy_source + asks)
    (corruption,) = assembly({"model": "./here"}, tmp_path).corruptions("toy")
    assert corruption.name == str(tmp_path / "here")


def test_a_plugin_without_corruptions_offers_none(install_plugin: Install, tmp_path: Path) -> None:
    install_plugin("toy")
    assert assembly({}, tmp_path).corruptions("toy") == ()


def test_an_option_that_corruptions_refuse_is_placed_in_the_file(
    install_plugin: Install, toy_source: str, tmp_path: Path
) -> None:
    reads = (
        "\n@hookimpl\ndef spaner_corruptions(options):"
        "\n    read_options(Options, options)\n    return []\n"
    )
    install_plugin("toy", source=toy_source + reads)
    path = tmp_path / "plugins.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    config = read_config(path)
    asked = Assembly(
        Registry(),
        {"toy": ModalityOptions(encoder=config.modalities["toy"].encoder, aligner={})},
        option_error=config.option_error,
    )
    with pytest.raises(ConfigError, match=r"plugins\.yaml:5:15: .*'widht'.*'width'"):
        asked.corruptions("toy")


def test_a_hook_that_fails_names_its_plugin(
    install_plugin: Install, toy_source: str, tmp_path: Path
) -> None:
    fails = "\n@hookimpl\ndef spaner_corruptions(): return 1 / 0\n"
    install_plugin("toy", source=toy_source + fails)
    with pytest.raises(PluginError, match=r"'toy'.*spaner_corruptions failed"):
        assembly({}, tmp_path).corruptions("toy")


def test_a_modality_that_is_not_declared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'smell' is not declared; declared are toy"):
        assembly({}, tmp_path).corruptions("smell")

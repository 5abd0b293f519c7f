"""Hostile plugins, installed as distributions: the others load and answer all the same."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import spaner_core
from spaner_core import FeatureSpec, PluginError
from spaner_registry.plugins.registry import Registry

Install = Callable[..., Path]

ON_IMPORT = {
    "exits": "raise SystemExit(3)",
    "exits by sys.exit": "import sys; sys.exit('bye\\nbye')",
    "asks to be closed": "raise GeneratorExit",
    "raises an exception of its own kind": "class Odd(BaseException): pass\nraise Odd('odd')",
    "raises what cannot be said": (
        "class Mute(Exception):\n    def __str__(self): raise RuntimeError\nraise Mute"
    ),
    "raises a novel": "raise ValueError('x' * 1_000_000)",
    "calls itself": "def again(): again()\nagain()",
    "runs out of memory": "raise MemoryError",
    "warns": "import warnings; warnings.warn('old', DeprecationWarning)",
    "removes itself": "import sys; del sys.modules[__name__]",
    "becomes what cannot be looked at": (
        "import sys\nclass Touchy:\n    def __getattr__(self, name): raise RuntimeError(name)\n"
        "sys.modules[__name__] = Touchy()"
    ),
    "becomes what exits when looked at": (
        "import sys\nclass Touchy:\n    def __getattr__(self, name): sys.exit(name)\n"
        "sys.modules[__name__] = Touchy()"
    ),
    "becomes what cannot be listed": (
        "import sys\nclass Shy:\n    def __dir__(self): raise RuntimeError\n"
        "sys.modules[__name__] = Shy()"
    ),
    "becomes what cannot be compared": (
        "import sys\nclass Wild:\n    def __eq__(self, other): raise RuntimeError\n"
        "sys.modules[__name__] = Wild()"
    ),
    "becomes nothing": "import sys; sys.modules[__name__] = None",
    "becomes a number": "import sys; sys.modules[__name__] = 7",
    "empties the modules": "import sys; sys.modules.clear()",
    "replaces the modules": "import sys; sys.modules = {}; raise ValueError('replaced')",
    "takes another's module": (
        "import sys; sys.modules['spaner_core'] = None; raise ValueError('taken')"
    ),
}

IN_A_HOOK = {
    "exits": "raise SystemExit(3)",
    "exits by sys.exit": "import sys; sys.exit(1)",
    "asks to be closed": "raise GeneratorExit",
    "raises an exception of its own kind": "raise type('Odd', (BaseException,), {})('odd')",
    "stops an iteration": "raise StopIteration",
    "calls itself": "(again := lambda: again())()",
    "is a generator": "yield 3",
}
HOOKS = [
    "spaner_modality",
    "spaner_build_encoder",
    "spaner_build_transform",
    "spaner_build_aligner",
]


def _use(registry: Registry, name: str) -> None:
    """Ask a plugin for all that a space needs of it."""
    assert registry.load(name).modality.name == name
    encoder = registry.load(name).build_encoder({})
    registry.load(name).build_transform(encoder, {})
    registry.load(name).build_aligner(FeatureSpec(dim=3), 16, {})


def _refusal(use: Callable[[], object]) -> str:
    with pytest.raises(PluginError) as caught:
        use()
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 1000
    return message


@pytest.mark.parametrize("source", ON_IMPORT.values(), ids=ON_IMPORT)
def test_a_stranger_that_misbehaves_on_import_is_alone_with_it(
    install_plugin: Install, source: str
) -> None:
    for name in ("before", "after"):
        install_plugin(name)
    install_plugin("stranger", source=source, version="6.6")
    registry, modules = Registry(), sys.modules
    _use(registry, "before")
    message = _refusal(lambda: registry.load("stranger"))
    assert message.startswith("plugin 'stranger' of spaner-stranger 6.6")
    assert sys.modules is modules
    assert sys.modules["spaner_core"] is spaner_core
    for name in ("before", "after"):
        _use(registry, name)


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize("body", IN_A_HOOK.values(), ids=IN_A_HOOK)
def test_a_stranger_that_misbehaves_in_a_hook_is_alone_with_it(
    install_plugin: Install, toy_source: str, hook: str, body: str
) -> None:
    start = toy_source.index(":", toy_source.index(f"def {hook}(")) + 1
    for name in ("before", "after"):
        install_plugin(name)
    install_plugin("stranger", source=f"{toy_source[:start]}\n    {body}{toy_source[start:]}")
    registry = Registry()
    _use(registry, "before")
    message = _refusal(lambda: _use(registry, "stranger"))
    assert message.startswith(f"plugin 'stranger' of spaner-stranger 0.1.0: {hook} ")
    for name in ("before", "after"):
        _use(registry, name)


def test_ctrl_c_in_a_stranger_still_stops_the_program(
    install_plugin: Install, toy_source: str
) -> None:
    install_plugin("toy", source="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        Registry().load("toy")
    stopped = toy_source.replace("return Transform", "raise KeyboardInterrupt; return Transform")
    install_plugin("other", source=stopped)
    with pytest.raises(KeyboardInterrupt):
        _use(Registry(), "other")


def test_a_plugin_may_be_an_object_that_cannot_be_hashed(
    install_plugin: Install, toy_source: str
) -> None:
    made = "\nclass Plugin(list): pass\nplugin = Plugin()\n"
    made += "\n".join(f"plugin.{hook} = {hook}" for hook in HOOKS)
    install_plugin("before")
    install_plugin(
        "odd",
        source=toy_source + made,
        entry_points=b"[spaner]\nodd = plugin_spaner_odd:plugin\n",
    )
    registry = Registry()
    for name in ("before", "odd", "before"):
        _use(registry, name)


def test_a_module_that_answers_badly_when_asked_for_more_is_refused(
    install_plugin: Install, toy_source: str
) -> None:
    asked = "\ndef __getattr__(name):\n    raise RuntimeError(f'no {name} here')\n"
    install_plugin("toy", source=toy_source + asked)
    install_plugin("sound")
    registry = Registry()
    assert "reading its hooks failed (RuntimeError: no " in _refusal(lambda: registry.load("toy"))
    _use(registry, "sound")


def test_a_refused_stranger_is_refused_again_and_can_be_mended(
    install_plugin: Install, toy_source: str
) -> None:
    root = install_plugin("toy", source="raise SystemExit")
    registry = Registry()
    assert _refusal(lambda: registry.load("toy")) == _refusal(lambda: registry.load("toy"))
    module = root / "plugin_spaner_toy.py"
    module.write_text(toy_source.replace("NAME", "toy") + "# mended\n")
    _use(Registry(), "toy")  # that one does not try again


def test_names_that_are_no_names_are_refused_without_an_import(install_plugin: Install) -> None:
    declared = b"[spaner]\n../up = plugin_spaner_odd\nbad = a b c:\n = plugin_spaner_odd\n"
    install_plugin("odd", source="raise SystemExit", entry_points=declared)
    install_plugin("toy")
    registry = Registry()
    for name in ("../up", "bad", ""):
        assert "plugin_spaner_odd" not in sys.modules
        assert f"plugin {name!r}: spaner-odd 0.1.0 " in _refusal(lambda n=name: registry.load(n))
    _use(registry, "toy")


def test_the_command_line_lists_the_others_whatever_is_installed(install_plugin: Install) -> None:
    roots = [
        install_plugin("exits", source="import os; os._exit(9)"),
        install_plugin("bare", metadata=b""),
        install_plugin("latin", metadata=b"Name: caf\xe9\n"),
        install_plugin("cut", entry_points=b"[spaner]\ncut = a b c:\n"),
        install_plugin("up", entry_points=b"[spaner]\n../up = plugin_up\n"),
        install_plugin("twin", distribution="one-twin"),
        install_plugin("twin", distribution="two-twin"),
        install_plugin("toy"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "spaner", "plugins"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, roots)), "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    for name in ("exits", "bare", "latin", "cut", "../up", "twin", "toy", "spaner-toy"):
        assert name in done.stdout

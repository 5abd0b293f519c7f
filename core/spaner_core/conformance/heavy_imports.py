"""Names the heavy libraries that asking a plugin what it is loads."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint

import pluggy

from spaner_core.contract import hookspecs
from spaner_core.contract.hookspecs import ENTRY_POINT_GROUP

HEAVY = (
    *("torch", "torchaudio", "torchvision", "transformers", "timm", "tensorflow", "jax"),
    *("sklearn", "scipy", "skimage", "numpy", "pandas", "pyarrow"),
    *("matplotlib", "PIL", "cv2", "soundfile", "librosa"),
)


def answer(request: Mapping[str, str]) -> Iterator[list[str]]:
    """Ask what the plugin at `reference` is and recognises; answer what of `HEAVY` that loads."""
    manager = pluggy.PluginManager(ENTRY_POINT_GROUP)
    manager.add_hookspecs(hookspecs)
    manager.register(EntryPoint("plugin", request["reference"], ENTRY_POINT_GROUP).load())
    manager.hook.spaner_modality()
    manager.hook.spaner_recognise(head=b"", suffix=None)
    yield [name for name in HEAVY if name in sys.modules]

"""Says which extra is not installed, and how to get it."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module

from spaner_core.errors import ConfigError

PACKAGES = {
    "map": ("matplotlib",),
    "peft": ("peft",),
    "serve": ("fastapi",),
    "tensorboard": ("tensorboard", "tensorboardX"),
    "tune": ("optuna",),
}
"""What each extra of `spaner` brings first, then what does in its place."""


def need(extra: str, *, user: str, otherwise: str = "") -> None:
    """Raise `ConfigError` unless what an extra brings can be imported.

    `user` is what needs it, as the words before its name: "a map needs". `otherwise` says what to
    do instead of installing it, after a comma.
    """
    for package in PACKAGES[extra]:
        with suppress(ImportError):
            import_module(package)
            return
    instead = f", {otherwise}" if otherwise else ""
    raise ConfigError(
        f"{user} {PACKAGES[extra][0]}, which is not installed; install the extra "
        f"`spaner[{extra}]`{instead}"
    )

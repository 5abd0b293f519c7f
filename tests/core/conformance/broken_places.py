"""Toys that depend on where they run, or change the process there."""

from __future__ import annotations

import locale
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.core.conformance.broken import encoder_with, toy_with, transform_with


def moved_by(shift: Callable[[], float]) -> Any:
    """A toy whose features are moved by what `shift` finds."""
    return toy_with(
        "check_features_in_a_second_process",
        "features differ in a second process",
        spaner_build_encoder=encoder_with(lambda t, m, _: (t + shift() / 100, m)),
    )


def read_as_path(own: Any, source: Any) -> Any:
    if isinstance(source, str) and Path(source).exists():
        return own(Path(source))
    return own(source)


of_the_time_zone = moved_by(lambda: time.localtime(0).tm_hour * 60 + time.localtime(0).tm_min)
of_the_home = moved_by(lambda: len(str(Path.home())))
of_the_working_folder = moved_by(lambda: len(str(Path.cwd())))
of_the_environment = moved_by(lambda: float(os.environ.get("TOY_SHIFT", "0")))
of_the_locale = moved_by(lambda: len(locale.getpreferredencoding(False)))
of_files_named_like_texts = toy_with(
    "check_features_in_a_second_process",
    "fails in a second process, which met UnusableInput",
    spaner_build_transform=transform_with(decode=read_as_path),
)


def building(change: Callable[[], object]) -> Callable[..., Any]:
    return encoder_with(built=lambda encoder: change() and None)


def patch_torch() -> None:
    from torch.nn import functional

    own = functional.gelu
    functional.gelu = lambda *given, **named: own(*given, **named)


def choose_a_precision() -> None:
    import torch

    torch.set_float32_matmul_precision("high")


def changes(says: str, change: Callable[[], object]) -> Any:
    return toy_with(
        "check_process_state", f"changes {says}; ", spaner_build_encoder=building(change)
    )


patches_torch = changes("the function torch.nn.functional.gelu", patch_torch)
less_precise = changes("the precision of torch's products", choose_a_precision)
configures_logging = changes(
    "the handlers of logging", lambda: logging.root.addHandler(logging.NullHandler())
)
silences_others = changes(
    "the level of the logger root", lambda: logging.root.setLevel(logging.CRITICAL)
)
takes_a_signal = changes(
    "the handler of SIGUSR2", lambda: signal.signal(signal.SIGUSR2, signal.SIG_IGN)
)

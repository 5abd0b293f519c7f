"""Defines every error that SPANER raises on purpose.

    SpanerError                 what the user gave is wrong; the command line exits with code 2
    ├── ConfigError             plugins.yaml, an option or a flag
    │   └── NotPermitted        the policy of plugins.yaml refuses it
    ├── PluginError             a plugin is missing, broken, duplicated or refused
    ├── DataError               a manifest or its rows
    │   ├── UnusableInput       one input cannot be decoded (raised by a plugin's transform)
    │   │   └── FailedInput     a plugin failed on it, which is no verdict on the input
    │   └── TooManyUnusable     more inputs of a modality than may be put aside
    ├── SpaceError              a space is missing, incomplete, or made by another encoder or prompt
    └── OutputExists            an output exists and was not to be overwritten

A message says what was given, what was expected and what to do, in one line.
"""

from __future__ import annotations

from collections.abc import Mapping


class SpanerError(Exception):
    """Root of all errors caused by what the user gave."""


class ConfigError(SpanerError):
    """plugins.yaml, a plugin's option or a flag is wrong."""


class NotPermitted(ConfigError):  # noqa: N818  (an answer, as UnusableInput)
    """The policy does not permit what was asked."""


class PluginError(SpanerError):
    """A plugin is missing, broken, duplicated or refused by policy."""


class DataError(SpanerError):
    """A manifest, or rows of it, cannot be used."""


class UnusableInput(DataError):  # noqa: N818  (plugin authors read it as a verdict)
    """One input cannot be decoded. Plugins raise it; core adds which row it was."""


class FailedInput(UnusableInput):
    """A plugin failed on one input: it is put aside as unusable, and tried again next time."""


class TooManyUnusable(DataError):  # noqa: N818  (as UnusableInput)
    """More inputs cannot be used than may be put aside; `unusable` gives reasons by place."""

    def __init__(self, message: str, unusable: Mapping[int, str]) -> None:
        super().__init__(message)
        self.unusable = unusable


class SpaceError(SpanerError):
    """A space is missing, incomplete, or does not fit the encoder or prompt at hand."""


class OutputExists(SpanerError):  # noqa: N818  (as FileExistsError's kin)
    """An output exists already and neither `--overwrite` nor `--replace` was given."""


_LONGEST = 500


def one_line(error: BaseException) -> str:
    """Give an error's type and words in one line that is not too long."""
    kind = type(error).__name__
    try:
        words = " ".join(str(error).split())
    except Exception:  # an exception's words may be a plugin's code too
        return kind
    if len(words) > _LONGEST:
        words = f"{words[:_LONGEST]}..."
    return f"{kind}: {words}" if words else kind

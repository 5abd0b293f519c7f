"""Runs a plugin's code, and reports whatever it does as the plugin's."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from functools import wraps
from typing import Any

from spaner_core.contract.error_lines import with_place
from spaner_core.contract.expected import brief
from spaner_core.contract.modality import Corruption
from spaner_core.contract.transform import Content, EncoderInput, Sample, Source, Transform
from spaner_core.errors import FailedInput, PluginError, SpanerError

OPTIONAL = ("check_header", "take", "parts", "without")
"""Methods that a transform may have."""

_OF_MODULES = ("forward", "fit_statistics", "start_from", "fit")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PluginCode:
    """Whose code it is: a plugin's, and the distribution's that it comes from."""

    plugin: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"plugin {self.plugin!r} of {self.distribution} {self.version}"

    def broken(
        self, given: str, expected: str, *, kind: type[SpanerError] = PluginError
    ) -> SpanerError:
        """Make the error for what a plugin's user cannot mend, naming where it comes from."""
        return kind(
            f"{self}: {given}; expected {expected}; update {self.distribution} or tell its authors"
        )

    @contextmanager
    def running(
        self, doing: str, *, on: str = "", kind: type[SpanerError] = PluginError
    ) -> Iterator[None]:
        """Turn whatever the block raises into an error of `kind` that names the plugin.

        `SystemExit` and its like included: a plugin does not end the program. Only Ctrl-C and what
        was said on purpose (a `SpanerError`) pass as they are. The message names the plugin's line,
        the log (level DEBUG) has the traceback. What the block prints goes to standard error, line
        by line, as printed by the plugin as it did `doing` on input `on`.
        """
        printed = _Printed(f"{self}, {doing}{' of ' * bool(on)}{on}, printed: ")
        try:
            with redirect_stdout(printed):  # standard output is for what the program was asked
                yield
        except (SpanerError, KeyboardInterrupt):
            raise
        except BaseException as error:
            _log.debug("%s: %s failed", self, doing, exc_info=error)
            given = f"{doing} failed ({with_place(error, callers=2)})"
            raise self.broken(given, "no error", kind=kind) from error
        finally:
            printed.end()

    def guard(
        self, method: Callable[..., Any], doing: str, *, kind: type[SpanerError] = PluginError
    ) -> Callable[..., Any]:
        """Return `method` so that it runs as this plugin's code."""

        @wraps(method)
        def guarded(*given: Any, **named: Any) -> Any:
            with self.running(doing, kind=kind):
                return method(*given, **named)

        return guarded

    def guard_module(self, module: Any) -> Any:
        """Let the methods of an aligner or a reader run as this plugin's code; return it."""
        for name in _OF_MODULES:
            if callable(method := getattr(module, name, None)):
                vars(module)[name] = self.guard(method, f"{type(module).__name__}.{name}")
        return module

    def guard_reader(self, reader: Any) -> Any:
        """Guard a reader as a module is, and hold it to the width that it says; return it.

        Without that, what it reads would fail far from it, in the aligner around it.
        """
        self.guard_module(reader)
        read = vars(reader)["forward"]

        @wraps(read)
        def checked(features: Any, mask: Any) -> Any:
            rows = read(features, mask)
            given, expected = tuple(getattr(rows, "shape", ())), (len(features), reader.width)
            if given != expected:
                what = f"{type(reader).__name__}.forward gives numbers of shape {given}"
                raise self.broken(what, f"{expected}: a row a sample, as wide as `width` says")
            return rows

        reader.forward = checked
        return reader


class GuardedTransform:
    """A plugin's transform: what it fails on is an input that cannot be used, no more.

    It has those optional methods that the plugin's `own` one has.
    """

    def __init__(self, own: Transform, code: PluginCode) -> None:
        self.own, self.code = own, code
        self.fingerprint = own.fingerprint  # read once: what says it may be a plugin's code, too
        for name in OPTIONAL:
            if callable(method := getattr(own, name, None)):
                setattr(self, name, code.guard(method, name, kind=FailedInput))

    def decode(self, source: Source) -> Sample:
        """Read one input; raises `UnusableInput` whatever goes wrong."""
        with self.code.running("decode", on=_name(source), kind=FailedInput):
            return self.own.decode(source)

    def prepare(self, sample: Sample) -> Sequence[EncoderInput]:
        """Cut a sample into encoder inputs; raises `UnusableInput` whatever goes wrong."""
        with self.code.running("prepare", kind=FailedInput):
            return list(self.own.prepare(sample))


class GuardedCorruption:
    """A plugin's corruption: what it fails on is an input that cannot be corrupted, no more."""

    def __init__(self, own: Corruption, code: PluginCode) -> None:
        self.name = own.name
        self.apply = code.guard(own.apply, f"corruption {own.name!r}", kind=FailedInput)


def _name(source: Source) -> str:
    if isinstance(source, Content):
        return source.name
    return brief(repr(source)) if isinstance(source, str) else str(source)


class _Printed:
    """Stands in for standard output: complete lines go to standard error with a prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix, self._line = prefix, ""

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            sys.stderr.write(f"{self._prefix}{line}\n")
        return len(text)

    def end(self) -> None:
        """Write what has no line end yet."""
        if self._line:
            self.write("\n")

    def __getattr__(self, name: str) -> Any:  # whether it is a terminal, its encoding, ...
        return getattr(sys.stderr, name)

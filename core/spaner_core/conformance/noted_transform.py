"""Notes which input a plugin's transform reads, and names it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from spaner_core.contract.plugin_code import OPTIONAL
from spaner_core.contract.sources import describe_source
from spaner_core.contract.transform import (
    EncoderInput,
    Given,
    HeaderCheck,
    Sample,
    Source,
    Transform,
)
from spaner_core.crash_notes import note_input


class NotedTransform:
    """A plugin's transform; which input it reads is noted, should it end the process.

    It has those optional methods that the plugin's `own` one has.
    """

    def __init__(self, own: Transform) -> None:
        self.own = own
        for name in OPTIONAL:
            if callable(method := getattr(own, name, None)):
                setattr(self, name, method)
        if isinstance(own, HeaderCheck):
            self.check_header = lambda source: own.check_header(_noted(source))

    @property
    def fingerprint(self) -> str:
        """The transform's own."""
        return self.own.fingerprint

    def decode(self, source: Source) -> Sample:
        """Read one input."""
        return self.own.decode(_noted(source))

    def prepare(self, sample: Sample) -> Sequence[EncoderInput]:
        """Cut a sample into encoder inputs."""
        return self.own.prepare(sample)


def _noted(source: Source) -> Source:
    note_input(name_of(source))
    return source


def name_of(source: Given) -> str:
    """Name an input in a message: a file without its folder, which is a temporary one."""
    return source.name if isinstance(source, Path) else describe_source(source)

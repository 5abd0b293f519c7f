"""A plugin that keeps what is looked at, and spares whoever loads it the import of torch."""

SOURCE = """
from spaner_core import Modality, hookimpl

@hookimpl
def spaner_modality():
    return Modality(name="NAME", api_version=2, summary="for tests", suffixes=(".x",))

@hookimpl
def spaner_build_encoder(options): ...

@hookimpl
def spaner_build_transform(options): ...

@hookimpl
def spaner_build_aligner(options): ...
"""

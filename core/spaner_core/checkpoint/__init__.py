"""Spaces on disk.

    <space>/prompt/              config.json  model.safetensors  receipt.json  README.md
    <space>/prompt/block-NNNN/   the same, for concepts that were appended later
    <space>/aligners/<modality>/ the same

No file lists the parts: a modality is attached, and concepts are appended, by one new folder that
is renamed into place, and every other byte stays as it was.
"""

from spaner_core.checkpoint.aligners import restore_label_reader
from spaner_core.checkpoint.outputs import check_attachable, check_output
from spaner_core.checkpoint.prompts import save_extension
from spaner_core.checkpoint.saving import copy_space, save_attached, save_space

__all__ = [
    "check_attachable",
    "check_output",
    "copy_space",
    "restore_label_reader",
    "save_attached",
    "save_extension",
    "save_space",
]

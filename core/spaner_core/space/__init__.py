"""Keeps spaces: in memory, and on disk.

    <space>/prompt/              config.json  model.safetensors  receipt.json  README.md
    <space>/prompt/block-NNNN/   the same, for concepts that were appended later
    <space>/aligners/<modality>/ the same

No file lists the parts: a modality is attached, and concepts are appended, by one new folder that
is renamed into place, and every other byte stays as it was.
"""

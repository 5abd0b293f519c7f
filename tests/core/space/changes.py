"""Changes of a space's part that leave it whole to look at and wrong inside."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from spaner_core.space.weights import LARGEST_HEADER
from torch import Tensor

Change = Callable[[Path], None]


def set_tensor(name: str, change: Callable[[Tensor], Tensor]) -> Change:
    def apply(part: Path) -> None:
        tensors = load_file(part / "model.safetensors")
        changed = change(tensors[name]).contiguous()
        save_file({**tensors, name: changed}, part / "model.safetensors")

    return apply


def set_value(value: float) -> Callable[[Tensor], Tensor]:
    def change(tensor: Tensor) -> Tensor:
        changed = tensor.clone()
        changed.view(-1)[-1] = value
        return changed

    return change


RESHAPED: dict[str, Callable[[Tensor], Tensor]] = {
    "one more": lambda t: torch.cat([t, t[:1]]),
    "one less": lambda t: t[:-1],
    "another rank": lambda t: t.unsqueeze(-1),
    "wider": lambda t: torch.cat([t, t], dim=-1),
    "doubles": lambda t: t.double(),
    "whole numbers": lambda t: t.long(),
    "NaN": set_value(float("nan")),
    "infinite": set_value(float("inf")),
}


def renamed(part: Path) -> None:
    tensors = load_file(part / "model.safetensors")
    tensors["other"] = tensors.pop(sorted(tensors)[-1])
    save_file(tensors, part / "model.safetensors")


def added(part: Path) -> None:
    tensors = load_file(part / "model.safetensors")
    save_file({**tensors, "other": torch.zeros(1)}, part / "model.safetensors")


def set_config(change: Callable[[Any], object]) -> Change:
    def apply(part: Path) -> None:
        config = json.loads((part / "config.json").read_text(encoding="utf-8"))
        change(config)
        (part / "config.json").write_text(json.dumps(config), encoding="utf-8")

    return apply


def set_key(value: object, *keys: str) -> Change:
    def change(config: Any) -> None:
        for key in keys[:-1]:
            config = config[key]
        config[keys[-1]] = value

    return set_config(change)


def set_config_bytes(change: Callable[[bytes], bytes]) -> Change:
    def apply(part: Path) -> None:
        path = part / "config.json"
        path.write_bytes(change(path.read_bytes()))

    return apply


def set_header(change: Callable[[bytes], bytes]) -> Change:
    def apply(part: Path) -> None:
        path = part / "model.safetensors"
        content = path.read_bytes()
        (length,) = struct.unpack("<Q", content[:8])
        header = change(content[8 : 8 + length])
        path.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])

    return apply


def edit_header(change: Callable[[dict[str, Any]], object]) -> Change:
    def edited(header: bytes) -> bytes:
        described = json.loads(header)
        change(described)
        return json.dumps(described).encode()

    return set_header(edited)


def append_bytes(part: Path) -> None:
    with (part / "model.safetensors").open("ab") as file:
        file.write(bytes(8))


def claim_length(length: int) -> Change:
    def apply(part: Path) -> None:
        path = part / "model.safetensors"
        path.write_bytes(struct.pack("<Q", length) + path.read_bytes()[8:])

    return apply


def first_entry(header: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = header[sorted(header)[0]]
    return entry


FILES: dict[str, Change] = {
    "a key twice": set_config_bytes(lambda text: text.replace(b"{", b'{"format_version": 1,', 1)),
    "deep": set_config_bytes(
        lambda text: text.replace(b"{", b'{"recipe": ' + b"[" * 500 + b"]" * 500 + b",", 1)
    ),
    "half a character": set_key("\ud800", "recipe"),
    "a tensor twice": set_header(
        lambda text: text.replace(b"{", b"{" + text[1 : text.index(b"}") + 1] + b",", 1)
    ),
    "blanks": set_header(lambda text: text + b" " * LARGEST_HEADER),
    "no object": set_header(lambda _: b"[]"),
    "no header": claim_length(0),
    "a header beyond the file": claim_length(2**19),
    "a header beyond everything": claim_length(2**62),
    "more bytes": append_bytes,
    "a shape of words": edit_header(lambda header: first_entry(header).update(shape=["x"])),
    "a shape below zero": edit_header(lambda header: first_entry(header).update(shape=[-1])),
    "an unknown dtype": edit_header(lambda header: first_entry(header).update(dtype="X9")),
    "a rare dtype": edit_header(lambda header: first_entry(header).update(dtype="F4")),
    "no offsets": edit_header(lambda header: first_entry(header).pop("data_offsets")),
    "an entry that is none": edit_header(lambda header: header.update(other=3)),
}

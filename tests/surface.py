"""Lists what is public: commands and flags, keys, names, what the environment says, wheels.

`tests/surface/` keeps each list as it was decided. After a decision to change one:

    .venv/bin/python -m tests.surface
"""

from __future__ import annotations

import ast
import inspect
import math
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import Enum
from functools import partial
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any

import yaml
from hatchling.builders.wheel import WheelBuilder
from pydantic import BaseModel
from spaner.cli import app
from spaner_core import ConfigError
from spaner_core.contract.expected import show
from spaner_registry.config.settings import Config, read_config
from typer.main import get_command

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "tests/surface"
WHEELS = {"spaner": ROOT} | {
    f"spaner_{path.name}": path for path in sorted((ROOT / "plugins").iterdir())
}
PUBLIC = ("spaner", "spaner_core", "spaner_core.contract.hookspecs", "spaner_core.conformance")
SMALLEST: Mapping[str, Any] = {
    "space": "s",
    "data": {"manifest": "m"},
    "modalities": {"text": {}},
}
NO_VALUES = (math.nan, "1e30")
"""What no key takes, and what those take that have no upper end."""

MANY = 100  # files of one kind, which are counted


def commands_of(group: Any, above: str = "") -> Iterator[tuple[str, Any]]:
    """Every command by what is typed for it, those of groups within groups too."""
    for name, command in group.commands.items():
        yield above + name, command
        if hasattr(command, "commands"):
            yield from commands_of(command, f"{above}{name} ")


COMMANDS = dict(commands_of(get_command(app)))


def commands() -> Iterator[str]:
    """Every command with its arguments and flags, what each takes, and its default."""
    for name, command in {"": get_command(app), **COMMANDS}.items():
        yield f"spaner {name}".strip()
        for given in command.params:
            typed = "/".join([*given.opts, *given.secondary_opts])
            needed = "required" if given.required else f"default {show(_plain(given.default))}"
            yield f"    {typed}: {_takes(given)}, {needed}"


def _takes(given: Any) -> str:
    kind = given.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        return "|".join(str(member.value) for member in kind)
    ends = [getattr(given, end, None) for end in ("min", "max")]
    limits = "" if ends == [None, None] else f" from {ends[0]} to {ends[1]}"
    return f"{getattr(kind, '__name__', kind)}{limits}{' ...' if given.multiple else ''}"


def _plain(default: Any) -> Any:
    default = default.value if isinstance(default, Enum) else default
    return str(default) if isinstance(default, Path) else default


def fields_of(kind: Any) -> Mapping[str, Any]:
    """The fields of a section of plugins.yaml, none of what is no section."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_fields
    return getattr(kind, "__pydantic_fields__", {})


def config_keys() -> Iterator[tuple[str, Any]]:
    """Every key of plugins.yaml with the keys above it, and the field that reads it."""
    for name, field in fields_of(Config).items():
        yield name, field
        for key, inner in fields_of(_section(field.annotation)).items():
            yield f"{name}.{key}", inner


def _section(kind: Any) -> Any:
    """The type of a section, or of what a mapping of sections has."""
    arguments = getattr(kind, "__args__", ())
    return _section(arguments[-1]) if arguments else getattr(kind, "__origin__", kind)


def keys() -> Iterator[str]:
    """Every key of plugins.yaml with its default and what it takes, as its message says."""
    for key, field in config_keys():
        default = "required" if field.is_required() else f"default {_default(field)}"
        yield f"{key}: {_expected(key)}, {default}"


def _default(field: Any) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    return "none of its keys" if fields_of(type(default)) else show(default)


def _expected(key: str) -> str:
    """Return what messages expect where a key has a value that it does not take."""
    section, _, name = key.partition(".")
    found: list[str] = []
    for value in NO_VALUES:
        given: object = {**SMALLEST.get(section, {}), name: value} if name else value
        if name and section == "modalities":
            given = {"text": {name: value}}
        pattern = rf" is {re.escape(show(value))}; expected (.*?)(?:; |$)"
        found += re.findall(pattern, _refusal({**SMALLEST, section: given}))
    return " and ".join(dict.fromkeys(found))


def _refusal(content: Mapping[str, object]) -> str:
    """Return what is said of a configuration, nothing of one that is right."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plugins.yaml"
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        try:
            read_config(path)
        except ConfigError as error:
            return str(error)
    return ""


def names() -> Iterator[str]:
    """Every public name, with the parameters of functions and the public parts of classes."""
    for package in PUBLIC:
        module = import_module(package)
        found = getattr(module, "__all__", None) or [n for n in vars(module) if n[:7] == "spaner_"]
        for name in sorted(found):
            value = getattr(module, name)
            if not inspect.isclass(value):
                yield f"{package}.{name}{_parameters(value)}"
                continue
            yield f"{package}.{name}"
            for part, found_in in sorted(_parts(value).items()):
                yield f"    .{part}{_parameters(found_in)}"


def _parts(kind: type) -> dict[str, Any]:
    """The public parts of a class, those of classes of ours that it inherits from too."""
    ours = [one for one in reversed(kind.__mro__) if one.__module__.startswith("spaner")]
    named = {name: value for one in ours for name, value in vars(one).items()}
    return {name: value for name, value in named.items() if not name.startswith("_")}


def for_models() -> Iterator[str]:
    """What plugins of trained models may import besides, which would import these models' code."""
    for path in sorted((ROOT / "core/spaner_core/pretrained").glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name[0] != "_":
                yield f"spaner_core.pretrained.{path.stem}.{node.name}"


def _parameters(value: Any) -> str:
    if not inspect.isfunction(value):
        return ""
    given = [name for name in inspect.signature(value).parameters if name != "self"]
    return f"({', '.join(given)})"


def environment() -> Iterator[str]:
    """What the code reads of the environment under a name of its own."""
    found = set()
    for folder in WHEELS.values():
        for path in folder.glob("*/spaner*/**/*.py" if folder == ROOT else "spaner*/**/*.py"):
            text = path.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(text)) if "SPANER_" in text else ():
                value = node.value if isinstance(node, ast.Constant) else None
                if isinstance(value, str) and re.fullmatch(r"SPANER_[A-Z_]+", value):
                    found.add(value)
    yield from sorted(found)


def wheel(name: str) -> Iterator[str]:
    """The files that a wheel would be built of, without building it."""
    included = WheelBuilder(str(WHEELS[name])).recurse_included_files()
    return listed(str(file.distribution_path) for file in included)


def listed(files: Iterable[str]) -> Iterator[str]:
    """The files, and one line for each kind of which there are many."""
    paths = sorted(map(PurePosixPath, files))
    kinds = Counter(path.suffix for path in paths if path.suffix != ".py")
    many = [kind for kind, count in kinds.items() if count > MANY]
    yield from (str(path) for path in paths if path.suffix not in many)
    for kind in many:
        above = os.path.commonpath([path for path in paths if path.suffix == kind])
        yield f"{above}/**/*{kind}: {kinds[kind]}"


LISTS: Mapping[str, Callable[[], Iterator[str]]] = {
    "commands": commands,
    "keys": keys,
    "names": names,
    "names_for_models": for_models,
    "environment": environment,
    **{f"wheel_{name}": partial(wheel, name) for name in WHEELS},
}


def kept(name: str) -> list[str]:
    """The list as it was decided."""
    return (KEPT / f"{name}.txt").read_text(encoding="utf-8").splitlines()


if __name__ == "__main__":
    KEPT.mkdir(exist_ok=True)
    for name, found in LISTS.items():
        (KEPT / f"{name}.txt").write_text("".join(f"{line}\n" for line in found()), "utf-8")

"""Finds installed plugins from metadata alone; imports none.

Standard library only (not even `spaner_core`, whose root imports pydantic): `spaner plugins`
lists everything with its problems before anything heavy starts.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint, distributions

GROUP = "spaner"
"""The entry-point group of the contract, `spaner_core.ENTRY_POINT_GROUP`."""

LOAD_PLUGINS = "SPANER_LOAD_PLUGINS"
"""Environment variable: names of the plugins that may be loaded, with commas; empty means none."""

PLUGIN_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
"""What a plugin may be called: it is a key of plugins.yaml and a folder of the space."""

NAME_WORDING = "a plugin's name in lower-case letters, digits, - and _"
"""`PLUGIN_NAME` in words."""

_OBJECT = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")  # a.b, as in "a.b:c.d"
_IDENTITY = re.compile(r"^(name|version)[ \t]*:(.*(?:\n[ \t].*)*)", re.IGNORECASE | re.MULTILINE)
_UNKNOWN = ("(unknown distribution)", "(unknown version)")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FoundPlugin:
    """One name of the group and the distribution that declares it.

    `problem` says why it cannot be used (badly named, declared twice, refused by policy or
    environment), or is None. It is kept rather than raised: only whoever asks for this plugin is
    concerned. `left_out` is true where policy or environment refuse it, which is no defect of it.
    """

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint
    problem: str | None = None
    left_out: bool = False

    @property
    def origin(self) -> str:
        """Distribution and version, as messages name them."""
        return f"{self.distribution} {self.version}"


def discover(allow: Collection[str] | None = None) -> dict[str, FoundPlugin]:
    """Find every installed plugin by name, sorted, each with its problem if it has one.

    `allow` names the distributions that may be loaded, None meaning any. A distribution that is
    on `sys.path` twice counts once, by its first record that declares plugins: Python imports the
    first one too, and a record that declares none may be left over from another version. Never
    raises: a record that cannot be read is passed over with a warning.
    """
    by_name: dict[str, list[FoundPlugin]] = {}
    for plugin in dict.fromkeys(_declared()):  # a line that stands twice says nothing more
        by_name.setdefault(plugin.name, []).append(plugin)
    return {name: _settle(by_name[name], allow) for name in sorted(by_name)}


def normalise(distribution: str) -> str:
    """Write a distribution's name as PEP 503 compares names."""
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


@dataclass(frozen=True)
class _Record:
    """What one folder of metadata says of a distribution; `complete` where it lists its files."""

    name: str
    version: str
    folder: str
    complete: bool
    entry_points: tuple[EntryPoint, ...]


def _declared() -> Iterator[FoundPlugin]:
    """Every entry point of the group, of each distribution those of one record."""
    by_name: dict[str | int, list[_Record]] = {}
    for number, record in enumerate(_records()):
        nameless = record.name == _UNKNOWN[0]
        by_name.setdefault(number if nameless else normalise(record.name), []).append(record)
    for records in by_name.values():
        chosen = _choose_record(records)
        for entry_point in chosen.entry_points:
            yield FoundPlugin(entry_point.name, chosen.name, chosen.version, entry_point)


def _records() -> Iterator[_Record]:
    """Every record that declares something of the group, in the order of `sys.path`.

    `importlib.metadata.entry_points` does not serve: one damaged distribution makes it raise, and
    the first record of a name hides the others even where it declares nothing.
    """
    for distribution in distributions():
        try:
            entry_points = tuple(distribution.entry_points.select(group=GROUP))
            if not entry_points:
                continue
            complete = distribution.read_text("RECORD") is not None
            folder = str(distribution.locate_file(""))
        except Exception as error:  # not UTF-8, lines without "=", ...
            logger.warning(
                "the entry points of %s %s cannot be read (%s); expected lines such as "
                "'name = module'; reinstall it if it brings plugins",
                *(*_identity(distribution), type(error).__name__),
            )
            continue
        yield _Record(*_identity(distribution), folder, complete, entry_points)


def _choose_record(records: list[_Record]) -> _Record:
    """Return the first record on `sys.path`; of several in its folder one that lists its files.

    An upgrade that was interrupted leaves the record of the version before in the same folder.
    """
    beside = [record for record in records if record.folder == records[0].folder]
    chosen = next((record for record in beside if record.complete), beside[0])
    versions = list(dict.fromkeys(record.version for record in beside))
    if len(versions) > 1:
        logger.warning(
            "%s has records of the versions %s in %s; expected one; %s is taken for the installed "
            "one: remove the others' folders, or reinstall it",
            *(chosen.name, " and ".join(versions), chosen.folder, chosen.version),
        )
    return chosen


def _identity(distribution: Distribution) -> tuple[str, str]:
    """Return the distribution's name and version, with words where its metadata is damaged."""
    try:  # an interrupted uninstall leaves entry points without METADATA
        files = ("METADATA", "PKG-INFO", "")  # as `distribution.metadata` looks for them
        whole = next((text for file in files if (text := distribution.read_text(file))), "")
    except Exception:
        return _UNKNOWN
    # two lines of the head: parsing all of it as an e-mail is a fifth of a small command's time
    head, given = whole.partition("\n\n")[0], dict[str, str]()
    for field in _IDENTITY.finditer(head):
        given.setdefault(field[1].lower(), " ".join(field[2].split()))
    return given.get("name") or _UNKNOWN[0], given.get("version") or _UNKNOWN[1]


def _settle(rivals: list[FoundPlugin], allow: Collection[str] | None) -> FoundPlugin:
    """Choose the one plugin of a name that may be loaded, or say why none may."""
    permitted = rivals
    if allow is not None:
        allowed = {normalise(name) for name in allow}
        permitted = [plugin for plugin in rivals if normalise(plugin.distribution) in allowed]
    if not permitted:
        return replace(rivals[0], problem=_refused_by_policy(rivals, allow or ()), left_out=True)
    chosen = permitted[0]
    if (refused := _refused_by_environment(chosen)) is not None:
        return replace(chosen, problem=refused, left_out=True)
    often = _declared_often(permitted) if len(permitted) > 1 else None
    return replace(chosen, problem=often or _badly_declared(chosen))


def _refused_by_policy(rivals: list[FoundPlugin], allow: Collection[str]) -> str:
    names = " and ".join(plugin.distribution for plugin in rivals)
    return (
        f"its distribution {names} is not in policy.allow; "
        f"allowed: {', '.join(sorted(allow)) or 'none'}; add it there if you trust it"
    )


def _declared_often(rivals: list[FoundPlugin]) -> str:
    origins = list(dict.fromkeys(plugin.origin for plugin in rivals))
    remedy = "uninstall all but one, or name the one to use in policy.allow"
    if len(origins) == 1:
        remedy = f"update {rivals[0].distribution} or tell its authors"
    return f"declared {len(rivals)} times, by {' and '.join(origins)}; expected one; {remedy}"


def _badly_declared(plugin: FoundPlugin) -> str | None:
    """Say what is wrong with an entry point's own words."""
    remedy = f"update {plugin.distribution} or tell its authors"
    if not PLUGIN_NAME.fullmatch(plugin.name):
        return f"{plugin.origin} calls it {plugin.name!r}; expected {NAME_WORDING}; {remedy}"
    value = plugin.entry_point.value
    target = re.sub(r"\s*\[.*\]$", "", value)  # extras, which nobody reads any more
    parts = [part.strip() for part in target.split(":")]
    if len(parts) > 2 or not all(_OBJECT.fullmatch(part) for part in parts):
        return f"{plugin.origin} declares it as {value!r}; expected a module; {remedy}"
    return None


def _refused_by_environment(plugin: FoundPlugin) -> str | None:
    named = os.environ.get(LOAD_PLUGINS)
    if named is None or plugin.name in {part.strip() for part in named.split(",")}:
        return None
    return (
        f"{LOAD_PLUGINS} is {named!r}; expected it to name {plugin.name!r}; "
        "add the name, or unset the variable to allow all"
    )

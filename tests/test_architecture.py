"""Rules of the house that are read from the syntax trees of everything that ships."""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path

import pytest
import spaner_core

from benchmarks.structure import circles_of, rooms_of

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "core/spaner_core"
PLUGINS = {path.name: path / f"spaner_{path.name}" for path in sorted((ROOT / "plugins").iterdir())}
PACKAGES = {
    "core": CORE,
    "registry": ROOT / "registry/spaner_registry",
    "app": ROOT / "app/spaner",
    **PLUGINS,
}
TESTS = sorted((ROOT / "tests").rglob("*.py"))
MODULES = [path for package in PACKAGES.values() for path in sorted(package.rglob("*.py"))]
OURS = {"spaner", "spaner_core", "spaner_registry", *(f"spaner_{name}" for name in PLUGINS)}

MAY_IMPORT = {
    "core": {"spaner_core"},
    "registry": {"spaner_core", "spaner_registry"},
    "app": {"spaner_core", "spaner_registry", "spaner"},
    **{name: {"spaner_core", f"spaner_{name}"} for name in PLUGINS},
}
FOR_PLUGINS = {"contract", "conformance", "pretrained"}
COLUMN_NAMES = {("data/label_texts.py", "text")}  # a column of the user's file, not the modality
UNSAFE_MODULES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
UNSAFE_CALLS = {
    *("torch.load", "torch.save", "yaml.load", "yaml.load_all", "yaml.full_load"),
    *("yaml.unsafe_load", "eval", "exec", "pandas.read_pickle"),
}
LONGEST_MODULE, MOST_WORDS = 270, 12
NO_NAMES = {"utils", "util", "helpers", "helper", "common", "base", "misc"}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def short(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every module that is imported anywhere in a file, and the names taken from it."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{short(path)}:{node.lineno}: imports are absolute"
            yield str(node.module), tuple(alias.name for alias in node.names)


def constants(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def modules_of(package: str) -> list[Path]:
    return sorted(PACKAGES[package].rglob("*.py"))


def test_the_four_plugins_and_the_three_packages_are_where_they_belong() -> None:
    assert set(PLUGINS) >= {"text", "vision", "audio", "sensor"}
    for name, package in PACKAGES.items():
        assert (package / "__init__.py").is_file(), name
    assert not (ROOT / "plugins/__init__.py").exists()


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_app_to_registry_to_core_from_plugins(package: str) -> None:
    wrong = [
        f"{short(path)} imports {module}"
        for path in modules_of(package)
        for module, _ in imports(path)
        if (top := module.split(".")[0]) in OURS and top not in MAY_IMPORT[package]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_by_name_keep_the_same_direction(package: str) -> None:
    forbidden = OURS - MAY_IMPORT[package] - {"spaner"}  # "spaner" alone is the program's name
    wrong = [
        f"{short(path)} names {value!r}"
        for path in modules_of(package)
        for value in constants(path)
        if value.split(".")[0] in forbidden and value.replace(".", "").isidentifier()
    ]
    assert wrong == []


@pytest.mark.parametrize("plugin", PLUGINS)
def test_a_plugin_takes_from_core_only_what_is_public(plugin: str) -> None:
    wrong = []
    for path in modules_of(plugin):
        for module, names in imports(path):
            if module.split(".")[0] != "spaner_core":
                continue
            if module == "spaner_core":
                allowed = {*spaner_core.__all__, *FOR_PLUGINS}
                wrong += [f"{short(path)}: {name}" for name in names if name not in allowed]
            elif module.split(".")[1] not in FOR_PLUGINS:
                wrong.append(f"{short(path)}: {module}")
    assert wrong == []


def test_core_contains_no_modalitys_name() -> None:
    wrong = [
        f"{short(path)}: {value!r}"
        for path in modules_of("core")
        for value in constants(path)
        if value in PLUGINS and (path.relative_to(CORE).as_posix(), value) not in COLUMN_NAMES
    ]
    assert wrong == []


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_nothing_runs_code_out_of_data(path: Path) -> None:
    unsafe = [module for module, _ in imports(path) if module.split(".")[0] in UNSAFE_MODULES]
    for module, names in imports(path):
        unsafe += [f"{module}.{name}" for name in names if f"{module}.{name}" in UNSAFE_CALLS]
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Call):
            if dotted(node.func) in UNSAFE_CALLS:
                unsafe.append(f"line {node.lineno}: {dotted(node.func)}")
            unsafe += [
                f"line {node.lineno}: {keyword.arg}"
                for keyword in node.keywords
                if keyword.arg in ("trust_remote_code", "allow_pickle")
                and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is False)
                and not dotted(keyword.value).endswith(keyword.arg)  # what the user wrote
            ]
    assert unsafe == []


def test_no_module_is_longer_than_one_can_read() -> None:
    paths = [*MODULES, *(ROOT / "benchmarks").rglob("*.py"), *TESTS]
    lengths = {short(path): len(path.read_text("utf-8").splitlines()) for path in paths}
    assert {path: n for path, n in lengths.items() if n > LONGEST_MODULE} == {}


def test_no_test_module_imports_another() -> None:
    wrong = [
        f"{short(path)} imports {taken}; what both need goes to a module of its own"
        for path in TESTS
        for module, names in imports(path)
        for taken in (module, *(f"{module}.{name}" for name in names))
        if taken.startswith("tests.") and taken.rpartition(".")[2].startswith("test_")
    ]
    assert wrong == []


@pytest.mark.parametrize("package", ["spaner", "spaner_core", "spaner_registry"])
def test_no_rooms_import_one_another(package: str) -> None:
    assert [sorted(circle) for circle in circles_of(rooms_of(package))] == []


def test_no_modules_import_one_another() -> None:
    names = {named(path): path for path in MODULES}
    arrows = {name: targets(path, names) - {name} for name, path in names.items()}
    assert [sorted(circle) for circle in circles_of(arrows)] == []


def named(path: Path) -> str:
    """The name that a module is imported by."""
    (top,) = (folder for folder in PACKAGES.values() if path.is_relative_to(folder))
    parts = path.relative_to(top.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def targets(path: Path, names: Container[str]) -> frozenset[str]:
    """The modules of ours that a file imports, as modules or for a name in them."""
    found = set()
    for module, taken in imports(path):
        inner = {name: f"{module}.{name}" for name in taken}
        found |= {full if full in names else module for full in inner.values()} or {module}
    return frozenset(name for name in found if name in names)


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [short(p) for p in MODULES if {p.stem, p.parent.name} & NO_NAMES] == []


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_everything_public_is_documented(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree), f"{short(path)} has no docstring"
    assert list(undocumented(tree.body)) == []


@pytest.mark.parametrize("path", MODULES, ids=short)
def test_a_module_says_first_what_it_does(path: Path) -> None:
    first = str(ast.get_docstring(tree_of(path))).splitlines()[0]
    assert re.match(r"[A-Z][a-z]+s\b", first), "expected a verb, as in `Reads the manifest.`"
    assert len(first.split()) <= MOST_WORDS, first
    assert first.endswith((".", ":")), first


def undocumented(body: list[ast.stmt]) -> Iterator[str]:
    """Public functions, classes and their methods without a docstring; overloads need none."""
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if node.name.startswith("_") or "overload" in map(dotted, node.decorator_list):
            continue
        if not ast.get_docstring(node):
            yield f"line {node.lineno}: {node.name}"
        if isinstance(node, ast.ClassDef):
            yield from undocumented(node.body)

"""Files that nobody can read or that would take the memory: refused before they do harm."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spaner_core import ConfigError
from spaner_registry.config.settings import read_config

from tests.registry.configs import SMALLEST

Refused = Callable[[str | bytes], list[str]]


def _laughs(steps: int, step: str) -> str:
    """Write anchors that each repeat the one before: 10 ** `steps` values in a few lines."""
    lines = ["a0: &a0 {x: 1}"]
    for number in range(1, steps):
        lines.append(f"a{number}: &a{number} {step.replace('ALIAS', f'*a{number - 1}')}")
    return "\n".join(lines)


TEN = ", ".join(["ALIAS"] * 10)
LIMITS = {
    "brackets": (f"{SMALLEST}loss: {'[' * 10_000}", "4:46: mappings and lists stand too deep"),
    "braces": (f"{SMALLEST}loss: {'{a: ' * 10_000}", "4:163: mappings and lists stand too deep"),
    "dashes": (f"{SMALLEST}loss:\n{'- ' * 10_000}x", "5:79: mappings and lists stand too deep"),
    "question marks": (f"{SMALLEST}{'? ' * 10_000}", "4:81: mappings and lists stand too deep"),
    "indents": (
        SMALLEST + "\n".join(f"{' ' * depth}a:" for depth in range(1000)),
        "44:41: mappings and lists stand too deep",
    ),
    "laughs in lists": (SMALLEST + _laughs(40, f"[{TEN}]"), "4:5: '&a0' is an anchor; expected "),
    "laughs in merges": (
        SMALLEST + _laughs(40, f"{{<<: [{TEN}]}}").replace("&a0 ", ""),
        "5:5: '&a1' is an anchor; expected plain YAML",
    ),
    "aliases in a row": (
        SMALLEST + f"loss: [{'*a, ' * 90_000}]",
        "4:8: '*a' is an alias; expected",
    ),
    "many values": (f"{SMALLEST}loss: [{'1, ' * 100_000}]", "4:29987: too many values stand here"),
    "many letters": (f"{SMALLEST}# {'x' * 2**20}", " the file is larger than 1 MiB; expected a"),
}


@pytest.mark.parametrize(("text", "told"), LIMITS.values(), ids=LIMITS)
def test_a_file_that_would_take_the_memory_or_the_stack_is_refused(
    refused: Refused, text: str, told: str
) -> None:
    (line,) = refused(text)
    assert line.startswith(told)
    assert "; expected " in line


def test_what_people_write_is_far_from_the_limits(tmp_path: Path) -> None:
    path = tmp_path / "plugins.yaml"
    nested = "[" * 30 + "]" * 30
    path.write_text(
        "space: s\ndata: {manifest: m}\nmodalities:\n  text:\n    encoder:\n"
        f"      words: [{'word, ' * 8000}]\n      deep: {nested}\n"
        f"# {'x' * 500_000}\n"
    )
    encoder = read_config(path).modalities["text"].encoder
    assert encoder["words"] == ["word"] * 8000


def test_a_half_written_file_is_never_a_crash(refused: Refused) -> None:
    whole = (
        "space: &s runs/base\ndata: {manifest: 'm.csv'}\nprompt: {labels_from: text, dim: 64}\n"
        "modalities:\n  text: &t\n    encoder: {model: hog, sizes: [1, 2.5, 1e-3]}\n"
        "  audio:\n    <<: *t\npolicy:\n  links: {audio: [text]}\n  allow:\n  - spaner-text\n"
    )
    needed = whole.index("text: &t") + len("text")  # with the colon it is whole enough
    for length in range(needed + 1):
        for line in refused(whole[:length]):
            assert line.split(":")[0].isdigit()


def _refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "absent.yaml"
    assert _refusal(missing) == (
        f"{missing}: there is no such file; expected a plugins.yaml; "
        "write one, or name another with --config"
    )
    assert "this is a folder; expected a YAML file" in _refusal(tmp_path)
    assert "there is no such file" in _refusal(missing / "plugins.yaml")
    assert "cannot be read (embedded null byte); expected a readable" in _refusal(Path("a\0b"))
    (tmp_path / "link.yaml").symlink_to("absent.yaml")
    assert "this is a link" in _refusal(tmp_path / "link.yaml")
    (tmp_path / "large.yaml").write_bytes(bytes(2**20 + 1))
    assert "the file is larger than 1 MiB" in _refusal(tmp_path / "large.yaml")


@pytest.mark.parametrize("place", ["/", "circle", "circle/below"])
def test_a_path_at_which_nothing_can_be_kept(tmp_path: Path, place: str) -> None:
    (tmp_path / "circle").symlink_to("circle")
    path = tmp_path / "plugins.yaml"
    path.write_text(SMALLEST.replace("space: s", f"space: {place}"), encoding="utf-8")
    assert f"{path}:1:1: space is {place!r}; " in _refusal(path)


@pytest.mark.parametrize("cache", ["~nobody-of-this-name/x", "circle"])
def test_a_cache_folder_that_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: str
) -> None:
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "plugins.yaml").write_text(SMALLEST, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SPANER_CACHE_DIR", cache)
    with pytest.raises(ConfigError, match=f"SPANER_CACHE_DIR is {cache}"):
        _ = read_config(Path("plugins.yaml")).feature_store


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"space: s\ndata: caf\xe9\n", "2:10: byte 0xe9 is not UTF-8; expected text in UTF-8"),
        (SMALLEST.encode("utf-16"), "1:1: byte 0xff is not UTF-8; expected text in UTF-8; save"),
        (SMALLEST.encode("utf-32-be"), "1:1: the character '\\x00' cannot stand in YAML"),
        (b"space: s\xe2\x82", "1:9: byte 0xe2 is not UTF-8; expected text in UTF-8; save"),
        (b"\x89PNG\r\n\x1a\n", "1:1: byte 0x89 is not UTF-8; expected text in UTF-8; save the"),
    ],
)
def test_what_is_no_text_in_utf_8(refused: Refused, content: bytes, told: str) -> None:
    (line,) = refused(content)
    assert line.startswith(told)

"""The links of a policy, for all purposes and by purpose."""

from __future__ import annotations

from pathlib import Path

import pytest
from spaner_core import ConfigError
from spaner_registry.config.settings import read_config

from tests.registry.configs import SMALLEST


def written(folder: Path, text: str) -> Path:
    path = folder / "plugins.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_links_by_purpose_permit_what_they_list(tmp_path: Path) -> None:
    links = "policy: {links: {audio: {search: [text, smell], propagate: []}}}\n"
    policy = read_config(written(tmp_path, SMALLEST + links)).policy
    found = [policy.linked("audio", one) for one in ("search", "propagate", "measure", "export")]
    assert found == [("text", "smell"), (), (), ()]
    assert policy.named == ("audio", "text", "smell")


@pytest.mark.parametrize(
    ("links", "says"),
    [
        ("{audio: {serach: [text]}}", "policy.links.audio: unknown key 'serach'; did you mean 'se"),
        ("{audio: text}", "policy.links.audio is 'text'; expected a list in square brackets"),
        ("{audio: {search: text}}", "policy.links.audio.search is 'text'; expected a list"),
        ("{audio: [a b]}", "policy.links.audio.0 is 'a b'; expected a plugin's name"),
    ],
)
def test_wrong_links_are_said_where_they_stand(tmp_path: Path, links: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"plugins\.yaml:\d+:\d+: ") as refused:
        read_config(written(tmp_path, f"{SMALLEST}policy:\n  links: {links}\n"))
    assert says in str(refused.value)

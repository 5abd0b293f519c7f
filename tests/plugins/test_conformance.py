"""Every rule of the conformance kit holds for every plugin of this repository."""

from __future__ import annotations

import pytest
from spaner_core.conformance import RULES, Rule, Subject, open_subject


@pytest.fixture(scope="module", params=["text", "vision", "audio", "sensor"])
def plugin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return open_subject(request.param, tmp_path_factory.mktemp("examples"))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_plugin_keeps_the_rule(rule: Rule, plugin: Subject) -> None:
    rule(plugin)

"""Says which modality may find which, and refuses the others."""

from __future__ import annotations

from collections.abc import Sequence

from spaner_core.errors import ConfigError
from spaner_registry.config.settings import Config


def may_find(config: Config, source: str, target: str) -> bool:
    """Whether `policy.links` lets `source` find `target`."""
    links = config.policy.links
    return links is None or target in links.get(source, ())


def check_links(config: Config, source: str, targets: Sequence[str]) -> None:
    """Raise `ConfigError` unless all are declared and `policy.links` lets `source` find `targets`.

    There must be a target.
    """
    if not targets:
        raise ConfigError("no modality was named to be found; name one or several, with commas")
    config.check_declared([source, *targets])
    for target in targets:
        if not may_find(config, source, target):
            allowed = (config.policy.links or {}).get(source, ())
            raise ConfigError(
                f"{config.locate('policy', 'links')}: {source!r} may not find {target!r} "
                f"nor take labels from it; it may find {', '.join(allowed) or 'nothing'}. Ask "
                "whoever keeps the policy"
            )


def unlinked(config: Config, target: str) -> list[str]:
    """Name the declared modalities that `policy.links` does not let find `target`."""
    return [source for source in config.modalities if not may_find(config, source, target)]


def check_export(config: Config, modality: str) -> None:
    """Raise `ConfigError` where `policy.links` lets nothing find a modality.

    Its embeddings must then not be written where everything can find them.
    """
    if len(unlinked(config, modality)) == len(config.modalities):
        raise ConfigError(
            f"{config.locate('policy', 'links')}: nothing may find {modality!r}, so its embeddings "
            "may not be exported. Ask whoever keeps the policy"
        )

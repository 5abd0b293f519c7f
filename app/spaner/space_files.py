"""Names what commands keep beside a space, and the feature store."""

from __future__ import annotations

import os
from pathlib import Path

from spaner_core.errors import ConfigError
from spaner_registry.config.settings import Config

CALIBRATION = ".calibration.safetensors"
EARLIER_CALIBRATION = ".calibration.json"
QUARANTINE = ".quarantine.csv"
TRACES = ".training"
STUDY = ".tuning"
INDEX = ".index"
SEEN = ".seen"
FORGETTING = ".forgetting.json"
KEPT = (*(CALIBRATION, EARLIER_CALIBRATION, QUARANTINE, TRACES, STUDY, INDEX, SEEN, FORGETTING),)


def beside(space: Path, ending: str) -> Path:
    """Return the path that has the space's name and an ending of its own."""
    folder = space if space.name else space.absolute()  # "." has no name
    return folder.with_name(f"{folder.name}{ending}")


def store_folder(config: Config) -> Path:
    """Return the folder of the features; raise `ConfigError` where it lies in the space."""
    store, space = config.feature_store.absolute(), config.space.absolute()
    chosen = config.features.store is not None or (space / "prompt").is_dir()
    if chosen and Path(os.path.realpath(store)).is_relative_to(os.path.realpath(space)):
        raise ConfigError(
            f"{config.locate('features', 'store')}: features would be kept in {store}, which lies "
            f"in the space {space}; a space holds nothing else: name another folder"
        )
    return store

"""Compares stored features with those of now, and renews them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from pathlib import Path

from spaner_core.features.freshness import SAMPLE_ROWS, Change, find_change
from spaner_core.features.renewal import Renewal, renew_stored
from spaner_core.features.store import FeatureStore

from spaner_registry.assemble import Assembly


def find_changed_features(
    assembly: Assembly,
    name: str,
    sources: Iterable[Path | str],
    *,
    store: FeatureStore,
    rows: int = SAMPLE_ROWS,
) -> Change | None:
    """Encode `rows` of the `sources` that `store` holds anew; return the first change, if any.

    Raises `ConfigError` and `PluginError` as `Assembly.modality` does.
    """
    assembled = assembly.modality(name)
    stream = store.stream(assembly.stream_identity(name, store))
    with redirect_stdout(sys.stderr):
        return find_change(stream, assembled.encoder, assembled.transform, sources, rows=rows)


def renew_features(
    assembly: Assembly,
    name: str,
    sources: Sequence[Path | str],
    *,
    store: FeatureStore,
    max_unusable: int,
    superseding: Callable[[], None],
) -> Renewal:
    """Extract features of the `sources` anew, in place of all that `store` has of this encoder.

    Where features have changed, `superseding` is called before the first of the old ones goes.
    Raises what `Assembly.extract_stored` raises.
    """
    assembled = assembly.modality(name)
    with redirect_stdout(sys.stderr):
        return renew_stored(
            store.stream(assembly.stream_identity(name, store)),
            assembled.encoder,
            assembled.transform,
            sources,
            max_unusable=max_unusable,
            superseding=superseding,
            title=name,
        )

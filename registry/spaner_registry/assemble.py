"""Assembles encoder, transform and aligner of each modality, when first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spaner_core.contract.modality import API_VERSION, Aligner, Corruption, FeatureSpec
from spaner_core.contract.options import OptionError
from spaner_core.errors import ConfigError, PluginError, SpaceError
from spaner_core.space.encoders import AssembledModality

from spaner_registry.plugins.registry import Registry
from spaner_registry.space_options import ModalityOptions, check_harmless

if TYPE_CHECKING:
    from spaner_core.contract.transform import Given
    from spaner_core.features.extraction import Extraction
    from spaner_core.features.in_memory import Extracted
    from spaner_core.features.rows import FeatureRows
    from spaner_core.features.store import FeatureStore
    from spaner_core.features.stream_records import StreamIdentity
    from spaner_core.space.records import ModalityRecord

_ANY_SHAPE = FeatureSpec(dim=8, tokens=4)


class Assembly:
    """The declared modalities, assembled through their plugins.

    `option_error` gives a plugin's complaints about its options the place where these stand; it
    is called with the complaints and the keys that lead to the options. Options that start with
    `./` or `../` are paths relative to `folder`; plugins get them joined to it. `device` is where
    encoders compute: auto, cpu or cuda.
    """

    def __init__(
        self,
        registry: Registry,
        options: Mapping[str, ModalityOptions],
        *,
        folder: Path | None = None,
        device: str = "auto",
        option_error: Callable[..., ConfigError] | None = None,
    ) -> None:
        self.registry = registry
        self.options = dict(options)
        self.device = device
        self._folder = folder or Path()
        self._option_error = option_error or (lambda error, *keys: error)
        self._assembled: dict[str, AssembledModality] = {}

    def serves(self, name: str) -> bool:
        """Tell whether a plugin for the modality is installed; loads nothing."""
        return name in self.registry.found

    def modality(self, name: str) -> AssembledModality:
        """Return the modality's encoder and transform.

        Raises `ConfigError` with every wrong option and its place, and `PluginError`.
        """
        if name not in self._assembled:
            from spaner_core.devices import pick_device

            options = self._encoder_options(name)
            with self._placed_errors(name):
                plugin = self.registry.load(name)
                encoder = plugin.build_encoder(options).to(pick_device(self.device))
                transform = plugin.build_transform(encoder, options)
            self._assembled[name] = AssembledModality(
                modality=plugin.modality, encoder=encoder, transform=transform
            )
        return self._assembled[name]

    def corruptions(self, name: str) -> tuple[Corruption, ...]:
        """Return the named noise that a modality's plugin offers for its encoder; empty for none.

        Raises `ConfigError` and `PluginError` as `modality` does.
        """
        options = self._encoder_options(name)
        with self._placed_errors(name):
            return self.registry.load(name).corruptions(options)

    def check_options(self, names: Iterable[str]) -> None:
        """Build the named modalities; raise one `ConfigError` with every wrong option of them."""
        problems = []
        for name in names:
            try:
                self.modality(name)
            except ConfigError as error:
                problems.append(str(error))
            try:  # features of some shape: options are read before these matter
                self._build_aligner(name, _ANY_SHAPE, 8, self._options(name).aligner)
            except ConfigError as error:
                problems.append(str(error))
            except PluginError:
                continue
        if problems:
            raise ConfigError("\n".join(problems))

    def aligner_builder(self, name: str, *, prompt_dim: int) -> Callable[[], Aligner]:
        """Return what builds a fresh aligner; it draws its weights when called."""
        features, options = self.modality(name).encoder.features, self._options(name).aligner
        return lambda: self._build_aligner(name, features, prompt_dim, options)

    def recorded_aligner(self, record: ModalityRecord, *, prompt_dim: int) -> Aligner:
        """Build an untrained aligner as a space recorded it, without its encoder.

        Raises `SpaceError` where the record asks for what a space has no business to decide.
        """
        name, reader = record.modality, record.reader
        check_harmless(name, record.aligner_options)
        check_harmless(name, reader.options if reader is not None else {})
        try:
            return self.registry.load(name).build_aligner(
                record.features, prompt_dim, record.aligner_options, reader=reader
            )
        except OptionError as error:
            raise SpaceError(
                f"aligner_options that the space recorded of {record.modality!r}: {error}; restore "
                "it from a copy, or train the aligner anew"
            ) from error

    def extract(self, name: str, sources: Sequence[Given]) -> FeatureRows:
        """Extract features of `sources` in memory, each distinct source once.

        Raises `DataError` where one of them cannot be used.
        """
        from spaner_core.features.in_memory import extract

        assembled = self.modality(name)
        with redirect_stdout(sys.stderr):
            return extract(assembled.encoder, assembled.transform, sources)

    def extract_usable(
        self,
        name: str,
        sources: Sequence[Given],
        *,
        batch_size: int,
        read_one: Callable[[], object],
    ) -> Extracted:
        """Extract features in memory of those `sources` that can be used, each distinct one once.

        `read_one` is called after each distinct source.
        """
        from spaner_core.features.in_memory import extract_usable

        assembled = self.modality(name)
        with redirect_stdout(sys.stderr):
            return extract_usable(
                assembled.encoder,
                assembled.transform,
                sources,
                batch_size=batch_size,
                read_one=read_one,
            )

    def extract_stored(
        self,
        name: str,
        sources: Sequence[Path | str],
        *,
        store: FeatureStore,
        max_unusable: int,
        again: bool = False,
    ) -> Extraction:
        """Bring features of the `sources` that can be used to `store`, if they are not there.

        What was refused before is not tried again unless `again` is true. Raises `DataError` where
        more than `max_unusable` distinct ones cannot be used, or the store cannot be written.
        """
        from spaner_core.features.extraction import extract_stored

        assembled = self.modality(name)
        with redirect_stdout(sys.stderr):
            return extract_stored(
                store.stream(self.stream_identity(name, store)),
                assembled.encoder,
                assembled.transform,
                sources,
                max_unusable=max_unusable,
                again=again,
                title=name,
            )

    def stream_identity(self, name: str, store: FeatureStore) -> StreamIdentity:
        """Say which stream of `store` holds what the modality's encoder gives."""
        from spaner_core.features.stream_records import StreamIdentity

        assembled = self.modality(name)
        return StreamIdentity(
            modality=name,
            encoder=assembled.encoder.fingerprint,
            transform=assembled.transform.fingerprint,
            precision=assembled.encoder.precision,
            dtype=store.dtype,
            dim=assembled.encoder.features.dim,
        )

    def record(self, name: str) -> ModalityRecord:
        """Describe a modality as it is assembled now, for the space that is made with it."""
        from spaner_core.space.records import ModalityRecord

        assembled, options = self.modality(name), self._options(name)
        plugin, features = self.registry.load(name), assembled.encoder.features
        return ModalityRecord(
            modality=name,
            distribution=plugin.found.distribution,
            version=plugin.found.version,
            api_version=API_VERSION,
            encoder_options=dict(options.encoder),
            aligner_options=dict(options.aligner),
            encoder_fingerprint=assembled.encoder.fingerprint,
            transform_fingerprint=assembled.transform.fingerprint,
            features=features,
            reader=plugin.describe_reader(features, options.aligner),
        )

    def _options(self, name: str) -> ModalityOptions:
        if name not in self.options:
            known = ", ".join(sorted(self.options)) or "none"
            raise ConfigError(
                f"modality {name!r} is not declared; declared are {known}. Add it under "
                "`modalities:` in plugins.yaml"
            )
        return self.options[name]

    def _encoder_options(self, name: str) -> Mapping[str, Any]:
        options: Mapping[str, Any] = _with_paths(self._options(name).encoder, self._folder)
        return options

    @contextmanager
    def _placed_errors(self, name: str) -> Iterator[None]:
        """Give a plugin's complaints about `encoder:` options the place where these stand."""
        try:
            yield
        except OptionError as error:
            raise self._option_error(error, "modalities", name, "encoder") from error
        except ConfigError as error:  # about the model that the options name
            placed = OptionError([("model", str(error))])
            raise self._option_error(placed, "modalities", name, "encoder") from error

    def _build_aligner(
        self, name: str, features: FeatureSpec, prompt_dim: int, options: Mapping[str, Any]
    ) -> Aligner:
        try:
            return self.registry.load(name).build_aligner(features, prompt_dim, options)
        except OptionError as error:
            raise self._option_error(error, "modalities", name, "aligner") from error


def _with_paths(value: Any, folder: Path) -> Any:
    """Return options with every relative path in them joined to `folder`."""
    if isinstance(value, Mapping):
        return {key: _with_paths(part, folder) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_with_paths(part, folder) for part in value]
    if isinstance(value, str) and value.startswith(("./", "../")):
        return str((folder / value).absolute())
    return value

"""Finds a model in a folder, or on the Hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import _CACHED_NO_EXIST, constants, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import EntryNotFoundError, HFValidationError, LocalEntryNotFoundError

from spaner_core.errors import ConfigError

_IN_EVERY_REPOSITORY = ".gitattributes"
"""A file that no library asks for: where it is in the cache, so is its whole repository."""


def is_local(model: str) -> bool:
    """Tell a folder or file from a name on the Hub: it starts with `/` or `.`."""
    return model.startswith((".", "/", "\\")) or Path(model).is_absolute()


def local_path(model: str, *, what: str = "model") -> Path:
    """Return the folder or file that `model` names; `what` it is stands in the message.

    Raises `ConfigError` where there is none.
    """
    path = Path(model)
    if not (path.is_file() or path.is_dir()):
        found = "it is a pipe or a device" if path.exists() else "there is no such folder or file"
        raise ConfigError(
            f"{what} {model!r}: {found}; expected one that holds the "
            f"{what}; correct the path (relative ones start at plugins.yaml's folder)"
        )
    return path


def model_file(model: str, file: str) -> Path | None:
    """Return the path of one file of a model, fetched if need be; None where the model has none.

    `file` is its path within the model's folder. Raises `OSError` where it cannot be fetched and
    nothing says whether there is one: call it within `fetching`.
    """
    if is_local(model):
        path = Path(model) / file
        return path if path.is_file() else None
    try:
        if constants.is_offline_mode() and _known_missing(model, file):
            return None
        return Path(hf_hub_download(model, file))
    except LocalEntryNotFoundError:
        raise
    except EntryNotFoundError:
        return None
    except HFValidationError as error:
        raise OSError(str(error)) from error


def _known_missing(model: str, file: str) -> bool:
    """Tell whether the cache knows that a model on the Hub has no such file."""
    cached = try_to_load_from_cache(model, file)
    whole = isinstance(try_to_load_from_cache(model, _IN_EVERY_REPOSITORY), str)
    return cached is _CACHED_NO_EXIST or (cached is None and whole)


@contextmanager
def fetching(
    model: str, *, files: str = "its configuration and weights", what: str = "model"
) -> Iterator[None]:
    """Say what would have been fetched, and how to do without, when loading `model` fails.

    Turns the `OSError` that the Hub's libraries raise into a `ConfigError`. `files` says what the
    block loads, `what` is the option that names it.
    """
    try:
        _check_location(model, what)
        yield
    except OSError as error:
        reason = " ".join(str(error).split())
        if is_local(model):
            raise ConfigError(
                f"{what} {model!r} cannot be loaded ({reason}); expected {files} there, as "
                "save_pretrained writes them"
            ) from error
        why = "HF_HUB_OFFLINE is set" if constants.is_offline_mode() else "the Hub did not give it"
        raise ConfigError(
            f"{what} {model!r} is not in the cache ({constants.HF_HUB_CACHE}) and cannot be "
            f"fetched ({why}); expected to fetch {files} from the Hub. Correct the name, connect "
            f"once, or give a folder that holds them: {what}: ./folder. The library said: {reason}"
        ) from error


def _check_location(model: str, what: str) -> None:
    if is_local(model):
        folder = local_path(model, what=what)
        if what == "model" and _is_adapter(folder):
            raise ConfigError(
                f"model {model!r} is a peft adapter; expected a model; name the adapter's base "
                "model as `model` and this folder as `adapter`"
            )
    elif Path(model).is_dir():  # the Hub's libraries would take the folder, wherever one stands
        raise ConfigError(
            f"{what} {model!r} is a name on the Hub and a folder here; expected one or the other; "
            f"write ./{model} for the folder, or rename it"
        )


def _is_adapter(folder: Path) -> bool:
    has = {name: (folder / name).is_file() for name in ("adapter_config.json", "config.json")}
    return has["adapter_config.json"] and not has["config.json"]

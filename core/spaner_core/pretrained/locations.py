"""Where a model comes from: a folder of the user's, or the Hub and its ordinary cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants

from spaner_core.errors import ConfigError


def is_local(model: str) -> bool:
    """Tell a folder or file from a name on the Hub: it starts with `/` or `.`."""
    return model.startswith((".", "/", "\\")) or Path(model).is_absolute()


def local_path(model: str) -> Path:
    """Return the folder or file that `model` names.

    Raises `ConfigError` where there is none.
    """
    path = Path(model)
    if not path.exists():
        raise ConfigError(
            f"model {model!r}: there is no such folder or file; expected one that holds the model; "
            "correct the path (relative ones start at plugins.yaml's folder)"
        )
    return path


@contextmanager
def fetching(model: str, *, files: str = "its configuration and weights") -> Iterator[None]:
    """Say what would have been fetched, and how to do without, when loading `model` fails.

    Turns the `OSError` that the Hub's libraries raise into a `ConfigError`. `files` says what the
    block loads.
    """
    try:
        if is_local(model):
            local_path(model)
        yield
    except OSError as error:
        reason = " ".join(str(error).split())
        if is_local(model):
            raise ConfigError(
                f"model {model!r} cannot be loaded ({reason}); expected {files} there, as "
                "save_pretrained writes them"
            ) from error
        why = "HF_HUB_OFFLINE is set" if constants.is_offline_mode() else "no connection"
        raise ConfigError(
            f"model {model!r} is not in the cache ({constants.HF_HUB_CACHE}) and cannot be fetched "
            f"({why}); expected to fetch {files} from the Hub. Connect once, or give a folder that "
            f"holds them: model: ./folder. The library said: {reason}"
        ) from error

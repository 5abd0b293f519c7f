"""Lists families of time-series models, and asks each for tokens.

Every family takes windows (B, channels, steps) and gives tokens (B, N, E) in the order of time.
What a model wants is read from its configuration; nothing here is trained or fitted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from spaner_core import ConfigError
from torch import Tensor, nn

INFORMER_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Layout:
    """What a model takes and gives.

    `context` is the length of its windows in steps; where it takes fewer, in whole patches of
    `patch` steps, that is not None. `channels` is their number, None for any; `width` is that of a
    token, E.
    """

    context: int
    channels: int | None
    width: int
    patch: int | None = None


@dataclass(frozen=True, kw_only=True)
class Family:
    """How models of a family give tokens, and the layout they have for a number of channels."""

    layout: Callable[[Any, int], Layout]
    tokens: Callable[[Any, Tensor], Tensor]


def family_of(model: nn.Module, *, name: str) -> Family:
    """Return the family of a loaded model, by the `model_type` of its configuration.

    A model of other code, which the user trusts, is taken for one of patches where it speaks as
    they do. Raises `ConfigError` where a model is no encoder of past values.
    """
    config: Any = model.config
    family = _FAMILIES.get(config.model_type)
    if family is None:
        is_like_them = getattr(model, "main_input_name", None) == "past_values" and all(
            hasattr(config, key) for key in ("context_length", "num_input_channels", "hidden_size")
        )
        if not is_like_them:
            raise ConfigError(
                f"model {name!r} is of type {config.model_type!r}; expected an encoder of past "
                f"values: {', '.join(_FAMILIES)}; name one of these"
            )
        family = _PATCHES
    return family


def _patches_layout(config: Any, channels: int) -> Layout:
    return Layout(
        context=config.context_length,
        channels=config.num_input_channels,
        width=channels * config.hidden_size,
    )


def _patches_tokens(model: Any, values: Tensor) -> Tensor:
    """Return a token for each patch of time, the vectors of its channels side by side.

    A mean over tokens, as the aligner takes it, so keeps the channels apart. A CLS token, which
    each channel has at its front, stands before the patches in the same way.
    """
    hidden: Tensor = model(past_values=values.transpose(1, 2)).last_hidden_state
    if hidden.ndim != 4:
        raise ConfigError(
            f"the model gives tokens of shape {tuple(hidden.shape)}; expected (windows, channels, "
            "patches, width); name a model that keeps channels and patches apart"
        )
    return hidden.transpose(1, 2).flatten(2)


def _univariate_layout(config: Any, channels: int) -> Layout:
    return Layout(
        context=config.context_length // config.patch_length * config.patch_length,
        channels=None,
        width=channels * config.hidden_size,
        patch=config.patch_length,
    )


def _univariate_tokens(model: Any, values: Tensor) -> Tensor:
    """Return a token for each patch of time: each channel is a series of its own to the model."""
    rows, channels, _ = values.shape
    single = values.flatten(0, 1)
    given = {"past_values": single, "past_values_padding": torch.zeros_like(single).long()}
    if hasattr(model.config, "freq_size"):  # 0: high frequency, up to one step a day
        given["freq"] = single.new_zeros((len(single), 1), dtype=torch.long)
    hidden: Tensor = model(**given).last_hidden_state  # (B·channels, patches, width)
    apart = hidden.reshape(rows, channels, *hidden.shape[1:])
    return apart.transpose(1, 2).flatten(2)


def _lagged_layout(config: Any, _channels: int) -> Layout:
    wanted = {
        key: getattr(config, key)
        for key in (
            *("num_time_features", "num_dynamic_real_features"),
            *("num_static_real_features", "num_static_categorical_features"),
        )
        if getattr(config, key)
    }
    if wanted:
        raise ConfigError(
            f"the model asks for {', '.join(f'{key}={n}' for key, n in wanted.items())} besides "
            "the readings; expected a model of past values alone; name one that was trained "
            "without them"
        )
    return Layout(
        context=config.context_length + max(config.lags_sequence),
        channels=config.input_size,
        width=config.d_model,
    )


def _lagged_tokens(model: Any, values: Tensor) -> Tensor:
    """Return the encoder's token for each step; its decoder is given no future.

    Informer draws which keys it looks at: always the same here, so that an input has the same
    features at every call. The draws are made on the CPU wherever the model runs.
    """
    past = values.transpose(1, 2)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(INFORMER_SEED)
        given = past.squeeze(-1) if model.config.input_size == 1 else past
        hidden: Tensor = model(
            past_values=given,
            past_time_features=past.new_zeros((*past.shape[:2], 0)),
            past_observed_mask=torch.ones_like(given),
            use_cache=False,
        ).encoder_last_hidden_state
    return hidden


def _autoformer_tokens(model: Any, values: Tensor) -> Tensor:
    """Return the encoder's token for each step, of one window at a time.

    Its auto-correlation repeats delays over heads in another order than values lie in a batch, so
    that of several windows each would be shifted by the delays of others.
    """
    alone = (values[row : row + 1] for row in range(len(values)))
    return torch.cat([_lagged_tokens(model, window) for window in alone])


_PATCHES = Family(layout=_patches_layout, tokens=_patches_tokens)
_UNIVARIATE = Family(layout=_univariate_layout, tokens=_univariate_tokens)
_LAGGED = Family(layout=_lagged_layout, tokens=_lagged_tokens)
_FAMILIES = {
    "patchtst": _PATCHES,
    "patchtsmixer": _PATCHES,
    "timesfm": _UNIVARIATE,
    "timesfm2_5": _UNIVARIATE,
    "time_series_transformer": _LAGGED,
    "informer": _LAGGED,
    "autoformer": Family(layout=_lagged_layout, tokens=_autoformer_tokens),
}

"""Builds an encoder from the transformers library."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from spaner_core import FeatureSpec, OptionError, fingerprint_model
from spaner_core.pretrained.transformers_models import describe_config, load_transformers_model
from torch import Tensor, nn

from spaner_sensor.encoders.families import family_of
from spaner_sensor.encoders.windows import model_windows
from spaner_sensor.options import PretrainedOptions

ALGORITHM_VERSION = 1
"""Raised whenever the same model would give other features."""


class PretrainedEncoder(nn.Module):
    """Tokens (B, N, E) of a frozen time-series model; `windows` is how it wants a series cut.

    The number of tokens varies with the number of windows. Raises `ConfigError` where the model
    cannot be loaded, is no encoder of past values, or wants another number of channels.
    """

    def __init__(self, options: PretrainedOptions) -> None:
        super().__init__()
        self.model = load_transformers_model(
            options.model,
            adapter=options.adapter,
            trust_remote_code=options.trust_remote_code,
        )
        self._family = family_of(self.model, name=options.model)
        channels = len(options.channels)
        layout = self._family.layout(self.model.config, channels)
        if layout.channels not in (None, channels):
            problem = (
                f"channels names {channels} columns ({', '.join(options.channels)}); model "
                f"{options.model!r} takes {layout.channels} channels; name as many, in its order"
            )
            raise OptionError([("channels", problem)])
        self.windows = model_windows(options, context=layout.context, patch=layout.patch)
        self.features = FeatureSpec(dim=layout.width)
        _stop_masking(self.model)
        self.fingerprint = fingerprint_model(
            "sensor/transformers",
            ALGORITHM_VERSION,
            self.model,
            settings={
                "config": describe_config(self.model),
                "channels": channels,
                "window_steps": self.windows.steps,
            },
        )

    def collate(self, inputs: Sequence[Tensor]) -> Tensor:
        """Join windows (channels, steps) into (B, channels, steps)."""
        return torch.stack(list(inputs))

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (B, N, E) and mask (B, N) for windows (B, channels, steps)."""
        tokens = self._family.tokens(self.model, batch)
        return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)


def _stop_masking(model: nn.Module) -> None:
    """Let a model that was pretrained by masking see all of its input.

    PatchTST keeps `do_mask_input` in its files and would hide patches at random; its own heads for
    later tasks switch it off in the same way.
    """
    for module in model.modules():
        if getattr(module, "do_mask_input", None):
            vars(module)["do_mask_input"] = False
            module.masking = nn.Identity()

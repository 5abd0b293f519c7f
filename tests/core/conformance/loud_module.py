"""Changes the process when it is imported; a broken toy imports it where it builds."""

from __future__ import annotations

import logging
import os
import random
import signal
import warnings
from functools import partial

import torch
from torch.nn import functional

torch.manual_seed(0)
random.seed(0)
warnings.filterwarnings("ignore", message="of a toy")
os.environ["TOKENIZERS_PARALLELISM"] = "false"  # a library's, which reads it when imported
logging.root.addHandler(logging.NullHandler())
logging.getLogger("torch").setLevel(logging.CRITICAL)
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
functional.gelu = partial(functional.gelu, approximate="none")
FACTOR = 1.0

"""One thread for small matrices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch on one thread inside the block.

    An aligner's matrices are so small that more threads gain nothing (12.2 s on one, 12.5 s on
    four for the same training), and on a machine that is busy with something else they wait for
    one another for minutes. One thread also makes the bytes independent of the number of cores.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)

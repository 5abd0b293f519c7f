"""Draws the units: what distinguishes one specimen from the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from spaner.demo.factory.products import Product

SEED = 20_250_101

SPLIT_OF_TURN = ("train",) * 6 + ("validation",) * 2 + ("test",) * 2
"""Of ten units of a product; a unit, with all its rows, is in one split."""

DEFECTS: Mapping[str, float] = {
    "none": 0.40,
    "imbalance": 0.13,
    "misalignment": 0.13,
    "outer race fault": 0.14,
    "crack": 0.10,
    "scratch": 0.10,
}
"""Shares of the units. A scratch can be seen alone; the first three can be heard and felt alone."""

MOUNTS = ("rigid feet", "rubber feet", "flange")
BOX_SIDES = ("left", "right", "top")
LOADS: Mapping[str, float] = {"idle": 0.35, "half load": 0.65, "full load": 1.0}
COLOURS: Mapping[str, tuple[int, int, int]] = {
    "blue": (38, 84, 150),
    "green": (60, 122, 82),
    "grey": (128, 132, 136),
    "orange": (214, 112, 36),
    "cream": (222, 212, 178),
    "red": (164, 44, 40),
}
TAGS: Mapping[str, tuple[int, int, int]] = {
    "yellow": (245, 215, 40),
    "white": (245, 245, 245),
    "black": (25, 25, 25),
}

Option = TypeVar("Option")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """One specimen. Sizes and speed are as built and as measured, not as on the drawing."""

    number: int
    product: Product
    split: str
    serial: str
    length_mm: float
    diameter_mm: float
    speed_rpm: float
    supply_hz: int
    load: str
    mount: str
    box_side: str
    colour: str
    tag: str
    defect: str

    @property
    def item(self) -> str:
        """Name in the manifest: what rows of one unit share."""
        return f"unit-{self.number:04d}"

    @property
    def load_share(self) -> float:
        """Load as a share of full load."""
        return LOADS[self.load]

    def random(self, purpose: str) -> np.random.Generator:
        """Return the stream of random numbers of one purpose, the same in every run."""
        return np.random.default_rng([SEED, self.number, *purpose.encode()])


def draw_units(products: Sequence[Product], *, units_each: int) -> list[Unit]:
    """Draw `units_each` units of each product, numbered from 1, product by product."""
    return [
        _draw(
            product,
            number=place * units_each + turn + 1,
            split=SPLIT_OF_TURN[turn % len(SPLIT_OF_TURN)],
        )
        for place, product in enumerate(products)
        for turn in range(units_each)
    ]


def _draw(product: Product, *, number: int, split: str) -> Unit:
    random = np.random.default_rng([SEED, number])

    def one_of(options: Sequence[Option], shares: Sequence[float] | None = None) -> Option:
        return options[int(random.choice(len(options), p=shares))]

    supply_hz = one_of((50, 60), (0.6, 0.4))
    return Unit(
        number=number,
        product=product,
        split=split,
        serial="".join(one_of("ABCDEFGHJKLMNPRSTUVWXYZ23456789") for _ in range(6)),
        length_mm=product.length_mm * (1 + 0.02 * random.standard_normal()),
        diameter_mm=product.diameter_mm * (1 + 0.02 * random.standard_normal()),
        # a motor's speed follows its supply, and slips by a share of its own
        speed_rpm=product.speed_rpm * supply_hz / 50 * (1 + 0.008 * random.standard_normal()),
        supply_hz=supply_hz,
        load=one_of(tuple(LOADS)),
        mount=one_of(MOUNTS),
        box_side=one_of(BOX_SIDES),
        colour=one_of(tuple(COLOURS)),
        tag=one_of(tuple(TAGS)),
        defect=one_of(tuple(DEFECTS), tuple(DEFECTS.values())),
    )

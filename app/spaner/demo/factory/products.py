"""Lists the forty products: eight families of rotating machines, five of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bearing:
    """A rolling bearing: number and diameter of its balls, pitch diameter, contact angle."""

    balls: int
    ball_mm: float
    pitch_mm: float
    angle_deg: float


@dataclass(frozen=True)
class Family:
    """What the products of one kind have in common.

    `elements` are what passes a fixed point when the shaft turns (blades, teeth), in the singular
    and the plural; `tone` is how strong that is in the sound, `hiss` the noise of flow beside it,
    both from 0 to 1.
    """

    kind: str
    letter: str
    elements: tuple[str, str]
    tone: float
    hiss: float


@dataclass(frozen=True)
class Product:
    """One product. `speed_rpm` is nominal, on a supply of 50 Hz; sizes are those of the drawing."""

    family: Family
    number: int
    elements: int
    speed_rpm: int
    length_mm: int
    diameter_mm: int
    material: str
    bearing: Bearing

    @property
    def code(self) -> str:
        """Short name, such as P1."""
        return f"{self.family.letter}{self.number}"

    @property
    def concept(self) -> str:
        """Name in the manifest, such as "centrifugal pump P1"."""
        return f"{self.family.kind} {self.code}"

    @property
    def drawing(self) -> str:
        """Number of the drawing, which all units of the product share."""
        return f"{self.family.letter}{self.number}-{self.length_mm}-{self.diameter_mm}"

    @property
    def rotor(self) -> str:
        """What turns, such as "6 impeller blades"."""
        return f"{self.elements} {self.family.elements[self.elements > 1]}"


BEARINGS = (
    Bearing(8, 6.7, 28.5, 0.0),
    Bearing(9, 7.9, 39.0, 0.0),
    Bearing(9, 9.5, 46.0, 0.0),
    Bearing(8, 15.1, 65.5, 0.0),
    Bearing(12, 8.7, 52.0, 15.0),
    Bearing(13, 11.1, 68.0, 25.0),
)
"""Of sizes that are usual; none is a maker's."""

IRON, ALUMINIUM, STEEL, PLASTIC = "cast iron", "aluminium", "stainless steel", "glass-fibre plastic"

# elements, rpm, length, diameter, material, bearing
_TABLE: dict[Family, tuple[tuple[int, int, int, int, str, int], ...]] = {
    Family("centrifugal pump", "P", ("impeller blade", "impeller blades"), 0.7, 0.5): (
        (5, 1450, 420, 190, IRON, 1),
        (6, 2920, 360, 210, STEEL, 0),
        (7, 2920, 520, 180, IRON, 2),
        (6, 960, 560, 300, IRON, 3),
        (4, 1780, 330, 240, PLASTIC, 4),
    ),
    Family("axial fan", "F", ("fan blade", "fan blades"), 0.8, 0.9): (
        (3, 960, 240, 500, ALUMINIUM, 1),
        (5, 1450, 280, 450, STEEL, 2),
        (7, 1450, 200, 400, PLASTIC, 0),
        (9, 2180, 320, 380, ALUMINIUM, 4),
        (12, 2920, 380, 360, STEEL, 5),
    ),
    Family("gear unit", "G", ("gear tooth", "gear teeth"), 1.0, 0.15): (
        (17, 1450, 380, 300, IRON, 3),
        (21, 1450, 460, 260, IRON, 5),
        (23, 960, 540, 340, STEEL, 3),
        (29, 1780, 320, 280, ALUMINIUM, 2),
        (37, 720, 420, 380, IRON, 4),
    ),
    Family("electric motor", "M", ("cooling vane", "cooling vanes"), 0.45, 0.35): (
        (6, 1450, 340, 200, ALUMINIUM, 1),
        (7, 2920, 300, 220, IRON, 2),
        (9, 960, 440, 280, IRON, 3),
        (11, 2920, 480, 190, ALUMINIUM, 0),
        (8, 720, 380, 320, STEEL, 5),
    ),
    Family("piston compressor", "C", ("cylinder", "cylinders"), 1.0, 0.4): (
        (1, 1450, 300, 260, IRON, 3),
        (2, 1180, 420, 280, ALUMINIUM, 2),
        (3, 960, 540, 280, IRON, 5),
        (4, 1450, 600, 250, IRON, 3),
        (2, 2180, 360, 340, ALUMINIUM, 4),
    ),
    Family("side-channel blower", "B", ("wheel blade", "wheel blades"), 0.9, 0.7): (
        (24, 2920, 320, 320, ALUMINIUM, 1),
        (30, 2920, 300, 400, ALUMINIUM, 2),
        (36, 2180, 380, 440, IRON, 4),
        (28, 3450, 260, 280, PLASTIC, 0),
        (40, 1450, 440, 360, STEEL, 5),
    ),
    Family("rotary valve", "V", ("rotor vane", "rotor vanes"), 0.8, 0.25): (
        (6, 480, 340, 280, IRON, 3),
        (8, 600, 400, 320, STEEL, 4),
        (10, 720, 300, 360, ALUMINIUM, 2),
        (8, 960, 500, 260, STEEL, 1),
        (12, 480, 440, 400, IRON, 5),
    ),
    Family("agitator", "A", ("paddle", "paddles"), 0.5, 0.6): (
        (2, 960, 620, 220, STEEL, 2),
        (3, 720, 560, 260, STEEL, 3),
        (4, 1450, 480, 200, PLASTIC, 1),
        (5, 600, 700, 280, STEEL, 4),
        (6, 480, 540, 340, IRON, 5),
    ),
}

PRODUCTS = tuple(
    Product(family, number + 1, *row[:-1], BEARINGS[row[-1]])
    for number in range(5)
    for family, rows in _TABLE.items()
    for row in (rows[number],)
)
"""All forty, the first of each family before the second of any."""


def label_texts(product: Product) -> tuple[str, str]:
    """Return what a product is called: its name, and what distinguishes it."""
    return (
        product.concept,
        f"{product.material} {product.family.kind} {product.code}, {product.rotor}, "
        f"{product.speed_rpm} rpm, {product.length_mm} x {product.diameter_mm} mm",
    )

"""Writes specification sheets: a unit's drawing and acceptance report in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from spaner.demo.factory.rotation import passing_hz, shaft_hz
from spaner.demo.factory.units import Unit

SILENT = 0.15
"""Share of the sheets whose inspector left the remarks empty."""

REMARKS: Mapping[str, Sequence[str]] = {
    "none": (
        "runs quietly, accepted",
        "no remarks, released for shipping",
        "smooth run, nothing found",
    ),
    "imbalance": (
        "shakes strongly once per turn, rotor to be balanced again",
        "imbalance of the rotor, vibration at running speed",
        "heavy shaking at shaft speed, rebalance",
    ),
    "misalignment": (
        "coupling misaligned, moves along the shaft twice per turn",
        "vibration at twice the running speed, realign the coupling",
        "axial vibration, shafts not in line",
    ),
    "outer race fault": (
        "regular knocking from the bearing, outer race damaged",
        "bearing knocks, replace it before delivery",
        "hammering sound at ball passing frequency, bearing fault",
    ),
    "crack": (
        "crack in the housing, rattles once per turn",
        "housing cracked across the front, rattling",
        "dark crack on the front side, scrap the housing",
    ),
    "scratch": (
        "scratch in the paint on the front, otherwise accepted",
        "paint scratched, touch up",
        "light scratch along the front side",
    ),
}


def sheet(unit: Unit) -> str:
    """Return a unit's sheet, in one of four layouts; no two offices write alike."""
    random = unit.random("sheet")
    layout = _LAYOUTS[int(random.integers(len(_LAYOUTS)))]
    wordings = REMARKS[unit.defect]
    remark = wordings[int(random.integers(len(wordings)))]
    return layout(unit, "" if random.random() < SILENT else remark)


def _title_block(unit: Unit, remark: str) -> str:
    product, bearing = unit.product, unit.product.bearing
    return f"""DRAWING {product.drawing}  {product.concept}  serial {unit.serial}
overall length  nominal {product.length_mm} mm  as built {unit.length_mm:.1f} mm
diameter        nominal {product.diameter_mm} mm  as built {unit.diameter_mm:.1f} mm
material {product.material}, finish {unit.colour}
shaft: {product.speed_rpm} rpm at 50 Hz, {product.rotor}
bearing: {bearing.balls} balls of {bearing.ball_mm} mm on {bearing.pitch_mm} mm
mounting: {unit.mount}; terminal box: {unit.box_side}; tag: {unit.tag}
acceptance run: supply {unit.supply_hz} Hz, {unit.load}, {unit.speed_rpm:.0f} rpm
remarks: {remark or "-"}
"""


def _data_sheet(unit: Unit, remark: str) -> str:
    product = unit.product
    lines = {
        "Product": product.concept,
        "Drawing": product.drawing,
        "Serial number": unit.serial,
        "Material": product.material,
        "Colour": unit.colour,
        "Length (measured)": f"{unit.length_mm:.1f} mm",
        "Diameter (measured)": f"{unit.diameter_mm:.1f} mm",
        "Rotor": product.rotor,
        "Nominal speed": f"{product.speed_rpm} rpm",
        "Supply": f"{unit.supply_hz} Hz",
        "Load in the test": unit.load,
        "Measured speed": f"{unit.speed_rpm:.0f} rpm ({shaft_hz(unit):.1f} turns a second)",
        "Passing frequency": f"{passing_hz(unit):.0f} Hz",
        "Mounted on": unit.mount,
        "Terminal box": f"on the {unit.box_side}",
        "Inspection tag": unit.tag,
        "Remarks": remark or "none",
    }
    return "".join(f"{name}: {value}\n" for name, value in lines.items())


def _prose(unit: Unit, remark: str) -> str:
    product = unit.product
    feet = "a flange" if unit.mount == "flange" else unit.mount
    return (
        f"This {unit.colour} {product.family.kind} of {product.material} is "
        f"{unit.length_mm:.0f} mm long and {unit.diameter_mm:.0f} mm across, with "
        f"{product.rotor} on a shaft that is designed for "
        f"{product.speed_rpm} rpm. It stands on {feet}; the terminal box is on the "
        f"{unit.box_side}. It was tested at {unit.load} on a supply of {unit.supply_hz} Hz and "
        f"reached {unit.speed_rpm:.0f} rpm. Drawing {product.drawing}, serial {unit.serial}, "
        f"{unit.tag} tag. {remark.capitalize() + '.' if remark else ''}\n"
    )


def _shorthand(unit: Unit, remark: str) -> str:
    product, bearing = unit.product, unit.product.bearing
    return (
        f"{product.drawing} {product.family.kind} / S/N {unit.serial}\n"
        f"L={unit.length_mm:.1f} D={unit.diameter_mm:.1f} {product.material} {unit.colour}\n"
        f"n={unit.speed_rpm:.0f} rpm (nom. {product.speed_rpm}) f={unit.supply_hz} Hz {unit.load}\n"
        f"{product.rotor}, brg {bearing.balls} balls "
        f"{bearing.ball_mm}/{bearing.pitch_mm}\n"
        f"mount {unit.mount}, box {unit.box_side}, tag {unit.tag}\n"
        f"{remark or 'no remarks'}\n"
    )


_LAYOUTS: Sequence[Callable[[Unit, str], str]] = (_title_block, _data_sheet, _prose, _shorthand)

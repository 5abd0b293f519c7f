"""Says what the data and the space of a project cannot do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from spaner_core.data.manifest import Rows
from spaner_core.data.names import look_alikes, spell
from spaner_core.features.labelled import LabelledRows
from spaner_core.space.space import Space
from spaner_core.training.joint import Trained
from spaner_core.training.material import Material

from spaner.project import Project

SHOWN = 5
"""Groups of names that look alike which are spelt out."""


def label_notices(trained: Trained) -> tuple[str, ...]:
    """Say how concept names were used, where they did not make the anchors."""
    record = trained.space.record
    if not record.concepts:
        return (
            "no row has a concept: the prompt has no anchors, modalities are linked by items alone",
        )
    if record.informativeness is None or record.label_source is None:
        return ("no concept names were embedded, so none made the anchors",)
    if record.anchors == "labels":
        return ()
    share = (
        f"{record.informativeness:.0%} of the training rows of {record.label_source.modality!r} "
        "lie nearest their own concept's name"
    )
    use = "names join training as rows" if trained.names_used else "names are left out"
    return (f"{share}: too few to make anchors from names, so anchors are random and {use}",)


def coverage_notices(material: Material) -> tuple[str, ...]:
    """Name concepts of which modalities have no training row."""
    seen = {name: set(part.known_concepts) for name, part in material.rows.items()}
    notices: list[str] = []
    for number, concept in enumerate(material.concepts):
        having = [name for name in seen if number in seen[name]]
        if len(seen) > 1 and len(having) == 1:
            notices.append(
                f"concept {concept!r} has training rows in {having[0]!r} only: nothing links it to "
                "the other modalities but the prompt"
            )
        elif not having:
            notices.append(f"concept {concept!r} has an anchor but no training row")
    for name, found in seen.items():
        missing = [c for number, c in enumerate(material.concepts) if number not in found]
        notices += missing_notices(name, missing)
    return tuple(notices)


def unlabelled_notices(
    rows: Mapping[str, LabelledRows], *, use_unlabelled: bool
) -> tuple[str, ...]:
    """Count training rows that pull nowhere, and say what they are for."""
    counts = {name: len(part) - len(part.labelled) for name, part in rows.items()}
    use = (
        "centre and scale, and help its class means" if use_unlabelled else "centre and scale only"
    )
    return tuple(
        f"{count} training rows of {name!r} have neither concept nor item: they set its {use}"
        for name, count in counts.items()
        if count
    )


def spelling_notices(concepts: Iterable[str], rows: Rows | None = None) -> tuple[str, ...]:
    """Point out names that look like another: concepts, and the items and splits of `rows`."""
    groups = [
        f"{what} {' and '.join(map(spell, group))}"
        for what, names in (
            ("concepts", {*concepts, *(rows.concepts if rows else ())}),
            ("items", rows.items if rows else ()),
            ("splits", rows.distinct("split") if rows else ()),
        )
        for group in look_alikes(names)
    ]
    if not groups:
        return ()
    more = f", and {len(groups) - SHOWN} more" if len(groups) > SHOWN else ""
    return (
        f"{', '.join(groups[:SHOWN])}{more}: what differs in case, blanks, invisible characters or "
        "Unicode form alone counts as different; where it is one thing, write it alike",
    )


def missing_notices(name: str, missing: Sequence[str]) -> tuple[str, ...]:
    """Warn of a modality on concepts of which it has no training row."""
    if not missing:
        return ()
    listed = ", ".join(missing)
    return (f"modality {name!r} has no training rows of {listed}: do not trust it on these",)


def unseen_notices(space: Space, concepts: Sequence[str], names: Iterable[str]) -> tuple[str, ...]:
    """Warn of modalities that have seen no labelled row of some of `concepts`."""
    having: dict[str, list[str]] = {}
    for name in names:
        if missing := space.unseen(name, concepts):
            having.setdefault(", ".join(missing), []).append(name)
    return tuple(
        f"no row of {missing} was seen by {', '.join(several)}: these neither find it nor are "
        "found by it until `spaner attach NAME --replace` trains each on such rows"
        for missing, several in having.items()
    )


def untrained_notices(project: Project, rows: Mapping[str, Rows]) -> tuple[str, ...]:
    """Say which figures of an evaluation mean nothing, as the training had no such rows."""
    return tuple(
        f"{name!r} has seen no labelled row of {', '.join(strange)}: do not trust its figures there"
        for name, part in rows.items()
        if (strange := project.space.unseen(name, part.concepts))
    )

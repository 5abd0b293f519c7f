"""The ablation's verdicts: what a part gains, and whether that is enough."""

from __future__ import annotations

from pathlib import Path

from ablation import Trial, gains, verdicts
from parts import WHOLE
from remembered import remembered

ADDED = "token attention (added)"
USELESS, USEFUL = "warm-up", "MLP"


def kept() -> dict[Trial, dict[str, float | None]]:
    """Figures of the whole method and of three others, .02 apart but for a little noise."""
    found: dict[Trial, dict[str, float | None]] = {}
    for seed in range(4):
        whole = 0.5 + seed / 10
        for part, apart in {WHOLE: 0.0, USELESS: 0.02, USEFUL: -0.02, ADDED: -0.02}.items():
            figure = whole + apart + (0.001 * seed if apart else 0)
            found[Trial("digits", "1", seed, part)] = {"mean_map": figure}
    return found


def test_a_gain_is_the_figure_with_the_part_minus_that_without_it() -> None:
    found = {part: own["mean_map"].mean for part, own in gains(kept(), "digits", "1").items()}
    assert {part: round(gain or 0, 4) for part, gain in found.items()} == {
        USELESS: -0.0215,
        USEFUL: 0.0185,
        ADDED: -0.0185,
    }


def test_a_part_leaves_that_can_gain_nowhere_as_much_as_is_asked() -> None:
    assert {row[0]: row[-1] for row in verdicts(kept()).rows} == {
        USELESS: "leaves",
        USEFUL: "stays",
        ADDED: "leaves",
    }
    elsewhere = kept()
    for seed in range(4):
        for part, figure in ((WHOLE, 0.6), (USELESS, 0.5)):
            elsewhere[Trial("emoji", "8", seed, part)] = {"mean_item_mrr@10": figure}
    found = {row[0]: row[1:] for row in verdicts(elsewhere).rows}
    assert found[USELESS] == ("+0.100 ±0.000", "things MRR, emoji, 8", "+0.100", "stays")


def test_a_run_goes_on_where_one_ended(tmp_path: Path) -> None:
    path, runs = tmp_path / "figures.jsonl", []

    def run() -> dict[str, float]:
        runs.append(1)
        return {"mean_map": len(runs) / 10}

    assert remembered(path, ("digits", 0), run) == {"mean_map": 0.1}
    assert remembered(path, ("digits", 0), run) == {"mean_map": 0.1}
    assert remembered(path, ("digits", 1), run) == {"mean_map": 0.2}

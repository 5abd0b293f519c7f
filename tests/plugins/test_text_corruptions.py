from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core import UnusableInput
from spaner_text.corruptions import CASE, TYPOS, WORD_LOSS, TextCorruption, text_corruptions
from spaner_text.transform import split_words

from tests.plugins.text_models import save_bert, save_roberta

SEVERITIES = (1, 2, 3, 4, 5)
SENTENCE = "Someone is running up the stairs, and a handwritten Seven lies on Paper."
ODD = (
    "",
    " ",
    "a",
    "7",
    "!?…",
    "🙂",
    "👩‍👩‍👧",
    "שלום עולם",
    "مرحبا",
    "हिन्दी",
    "ไทย",
    "e\u0301",
    "ß",
    "İ",
    "\n",
)
README = Path(__file__).parents[2] / "plugins/text/README.md"


@pytest.fixture(scope="module")
def corruptions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TextCorruption]:
    """All that there are: those of a model that tells case apart."""
    model = save_roberta(tmp_path_factory.mktemp("model"))
    return {corruption.name: corruption for corruption in text_corruptions({"model": model})}


def share_changed(before: str, after: str) -> float:
    pairs = list(zip(before.split(), after.split(), strict=True))
    return sum(one != other for one, other in pairs) / len(pairs)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_stated_share_of_letters_is_mistyped(corruptions: Any, severity: int) -> None:
    letters = " ".join("etaoin" * 500)  # words of one letter, which a typo always changes
    words = "seven " * 2000
    typos, share = corruptions["typos"], TYPOS[severity - 1]
    mistyped = typos.apply(letters, severity=severity, seed=0)
    assert share_changed(letters, mistyped) == pytest.approx(share, abs=0.001)
    expected = 1 - (1 - share) ** 5
    mistyped = typos.apply(words, severity=severity, seed=0)
    assert share_changed(words, mistyped) == pytest.approx(expected, abs=0.03)


def kind_of(typo: str, word: str) -> str:
    """Name the single typo that made `typo` of `word`, whose letters differ."""
    (place, *more) = [
        n for n, (a, b) in enumerate(zip(typo + "  ", word + " ", strict=False)) if a != b
    ]
    if typo == word[:place] + word[place + 1 :]:
        return "drop"
    if typo == word[:place] + word[place - 1 :]:
        return "double"
    if typo == word[:place] + word[place : place + 2][::-1] + word[place + 2 :]:
        return "swap"
    assert not more
    return f"{word[place]} to {typo[place]}"


def kinds(corruption: TextCorruption, word: str) -> set[str]:
    """What a slight severity, one typo at most, makes of `word` by many seeds."""
    typed = {corruption.apply(word, severity=1, seed=seed) for seed in range(4000)}
    return {kind_of(typo, word) for typo in typed - {word}}


def test_a_typo_is_a_near_key_or_a_letter_dropped_doubled_or_swapped(corruptions: Any) -> None:
    near_keys = {f"S to {key}" for key in "AWEDXZ"} | {f"p to {key}" for key in "ol"}
    assert kinds(corruptions["typos"], "Sp") == {"double", "drop", "swap"} | near_keys


@pytest.mark.parametrize("word", ["семь", "שבע", "七八九", "세븐"])
def test_scripts_without_known_keys_have_typos_too(corruptions: Any, word: str) -> None:
    assert kinds(corruptions["typos"], word) == {"double", "drop", "swap"}


def test_of_many_short_texts_the_stated_share_is_disturbed(corruptions: Any) -> None:
    typed = [corruptions["typos"].apply("seven", severity=3, seed=seed) for seed in range(1000)]
    assert typed.count("seven") == pytest.approx(500, abs=60)  # 5 letters, one in ten


def test_digits_signs_and_emoji_are_not_mistyped(corruptions: Any) -> None:
    text = "7 + 35 = 42 🙂 👩‍👩‍👧 (!?) 3,14"
    assert corruptions["typos"].apply(text, severity=5, seed=0) == text


@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_case_of_the_stated_share_of_letters_is_flipped(
    corruptions: Any, severity: int
) -> None:
    text = (SENTENCE + " 七 ß ") * 100
    flipped = corruptions["case"].apply(text, severity=severity, seed=0)
    assert flipped.lower() == text.lower()
    changed = sum(one != other for one, other in zip(text, flipped, strict=True))
    letters = sum(letter.isascii() and letter.isalpha() for letter in text)
    assert changed / letters == pytest.approx(CASE[severity - 1], abs=0.001)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_the_stated_share_of_words_is_lost_and_the_others_stay_in_order(
    corruptions: Any, severity: int
) -> None:
    words = [str(number) for number in range(1000)]
    text = "… " + " \n".join(words) + " !"
    kept = corruptions["word-loss"].apply(text, severity=severity, seed=0).split()
    assert kept[0] == "…", "punctuation by itself is no word"
    assert kept[-1] == "!"
    assert 1 - len(kept[1:-1]) / 1000 == pytest.approx(WORD_LOSS[severity - 1], abs=0.001)
    assert kept[1:-1] == sorted(set(kept[1:-1]) & set(words), key=int)


@pytest.mark.parametrize("severity", SEVERITIES)
@pytest.mark.parametrize("text", ["seven", "«seven»!", "… seven …", "七八九", "🙂"])
def test_the_only_word_is_never_lost(corruptions: Any, text: str, severity: int) -> None:
    assert {corruptions["word-loss"].apply(text, severity=severity, seed=n) for n in range(50)} == {
        text
    }


def has_words(text: str) -> bool:
    """Whether `hashed` reads it."""
    try:
        return bool(split_words(text))
    except UnusableInput:
        return False


def check(corruption: TextCorruption, text: str, *, seed: int) -> None:
    for severity in SEVERITIES:
        disturbed = corruption.apply(text, severity=severity, seed=seed)
        assert disturbed == corruption.apply(text, severity=severity, seed=seed)
        assert has_words(disturbed) == has_words(text)
        if corruption.name != "word-loss":
            assert len(disturbed.split()) == len(text.split()), "no word is lost, none is added"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 10**6))
@settings(deadline=None)
def test_no_text_becomes_one_that_cannot_be_read(text: str, seed: int) -> None:
    for corruption in text_corruptions({}):
        check(corruption, text, seed=seed)


@pytest.mark.parametrize("text", ODD, ids=ascii)
def test_odd_texts_can_be_disturbed(corruptions: Any, text: str) -> None:
    for corruption in corruptions.values():
        for seed in range(20):
            check(corruption, text, seed=seed)


@pytest.mark.parametrize("name", ["typos", "case", "word-loss"])
def test_another_seed_draws_another_text(corruptions: Any, name: str) -> None:
    one, same, other = (corruptions[name].apply(SENTENCE, severity=3, seed=n) for n in (7, 7, 8))
    assert one == same
    assert one != other


@pytest.mark.parametrize("name", ["typos", "case", "word-loss"])
def test_a_higher_severity_disturbs_what_the_lower_one_does_and_more(
    corruptions: Any, name: str
) -> None:
    words = [f"{letter}z{number}" for number, letter in enumerate("abcdefghij" * 20)]
    kept = [
        set(corruptions[name].apply(" ".join(words), severity=severity, seed=3).split())
        & set(words)
        for severity in SEVERITIES
    ]
    assert all(more < fewer for fewer, more in pairwise([set(words), *kept]))


def names(**options: object) -> list[str]:
    return [corruption.name for corruption in text_corruptions(options)]


def tells_case(text: Any, **options: object) -> bool:
    small, capital = text.tokens(["seven", "SEVEN"], options)
    return not torch.allclose(small, capital, atol=1e-5)  # rows of a batch differ in last bits


def test_case_is_offered_for_models_that_tell_it_apart(
    tmp_path: Path, load: Callable[[str], Any]
) -> None:
    text = load("text")
    roberta = save_roberta(tmp_path / "roberta")
    lower_case = save_bert(tmp_path / "bert")
    assert names(model=roberta) == ["typos", "case", "word-loss"]
    assert tells_case(text, model=roberta)
    for options in ({}, {"model": "hashed"}, {"model": lower_case}):
        assert names(**options) == ["typos", "word-loss"]
        assert not tells_case(text, **options)


@pytest.mark.parametrize("lower_case", [True, False])
def test_a_sentence_folder_may_lower_the_case_itself(
    tmp_path: Path, load: Callable[[str], Any], lower_case: bool
) -> None:
    save_roberta(tmp_path / "0_Transformer")
    kinds = {"0_Transformer": "Transformer", "1_Pooling": "Pooling"}
    modules = [
        {"idx": number, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for number, (path, kind) in enumerate(kinds.items())
    ]
    settings = {
        "modules.json": modules,
        "0_Transformer/sentence_bert_config.json": {"do_lower_case": lower_case},
        "1_Pooling/config.json": {"pooling_mode_mean_tokens": True},
    }
    for file, content in settings.items():
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(json.dumps(content), encoding="utf-8")
    assert tells_case(load("text"), model=str(tmp_path)) == (not lower_case)
    assert ("case" in names(model=str(tmp_path))) == (not lower_case)


@pytest.mark.parametrize("severity", [0, 6, -1])
def test_there_are_five_severities(corruptions: Any, severity: int) -> None:
    for corruption in corruptions.values():
        with pytest.raises(
            ValueError, match=rf"severity is {severity}; expected 1 \(slight\) to 5"
        ):
            corruption.apply(SENTENCE, severity=severity, seed=0)


def test_the_readme_states_the_strengths(corruptions: Any) -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \|(( [0-9.]+ \|){5})$", README.read_text(), re.M)
    stated: dict[str, Any] = {
        name: tuple(float(strength) for strength in strengths.strip(" |").split(" | "))
        for name, strengths, _ in rows
    }
    offered = {name: corruption.strengths for name, corruption in corruptions.items()}
    assert stated == offered, "mend the table in plugins/text/README.md"

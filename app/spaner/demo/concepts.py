"""Lists the fourteen concepts of the embedded data.

Digits have no sensor series and activities no images, on purpose: modalities that never met in
one concept still share a space, and some concepts are absent from a modality.
"""

from __future__ import annotations

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
"""In order of value, so that `DIGITS[7]` is the concept of a handwritten 7."""

ACTIVITIES = ("standing", "running", "walking", "badminton")

CONCEPTS = DIGITS + ACTIVITIES

SPLITS = ("train", "validation", "test")

"""What is true of the demo's world: the things there are, what a clip shows, its sentence and its label."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (215, 30, 35),
    "orange": (245, 130, 20),
    "yellow": (240, 220, 40),
    "green": (35, 150, 65),
    "blue": (35, 80, 215),
    "purple": (145, 60, 190),
}
"""RGB of each colour a thing may have."""

BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "white": (240, 240, 240),
    "gray": (128, 128, 128),
    "black": (16, 16, 16),
}
"""RGB of each background."""

SHAPES: tuple[str, ...] = ("circle", "square", "triangle")
"""The shapes a thing may have. A triangle stands on its base."""

CATEGORIES: dict[str, str] = {"circle": "sports", "square": "education", "triangle": "nature"}
"""What a clip is about, by the shape that it shows first."""

DANGER = "red"
"""The colour of what is not safe in this world."""

_SENTENCE = re.compile(
    r"An? (?P<colour_1>\w+) (?P<shape_1>\w+), then an? (?P<colour_2>\w+) (?P<shape_2>\w+), "
    r"on an? (?P<background>\w+) background\."
)


@dataclass(frozen=True)
class Thing:
    """One coloured shape."""

    colour: str
    """A key of ``COLOURS``."""
    shape: str
    """One of ``SHAPES``."""

    def __post_init__(self) -> None:
        if self.colour not in COLOURS:
            raise ValueError(f"colour: expected one of {', '.join(COLOURS)}, found {self.colour!r}")
        if self.shape not in SHAPES:
            raise ValueError(f"shape: expected one of {', '.join(SHAPES)}, found {self.shape!r}")


@dataclass(frozen=True)
class Scene:
    """What one clip shows: a thing, then another one of another colour, on a plain background."""

    first: Thing
    second: Thing
    background: str
    """A key of ``BACKGROUNDS``."""

    def __post_init__(self) -> None:
        if self.background not in BACKGROUNDS:
            raise ValueError(
                f"background: expected one of {', '.join(BACKGROUNDS)}, found {self.background!r}"
            )
        if self.first.colour == self.second.colour:
            raise ValueError(f"the second thing needs a colour of its own, both are {self.first.colour}")

    def sentence(self) -> str:
        """The one true description: ``A red circle, then a blue square, on a gray background.``"""
        first = f"{_article(self.first.colour).capitalize()} {self.first.colour} {self.first.shape}"
        second = f"{_article(self.second.colour)} {self.second.colour} {self.second.shape}"
        return f"{first}, then {second}, on {_article(self.background)} {self.background} background."


@dataclass(frozen=True)
class OneThing:
    """What one clip shows that has no change in it: one thing on a plain background."""

    thing: Thing
    background: str
    """A key of ``BACKGROUNDS``."""

    def __post_init__(self) -> None:
        if self.background not in BACKGROUNDS:
            raise ValueError(
                f"background: expected one of {', '.join(BACKGROUNDS)}, found {self.background!r}"
            )

    def sentence(self) -> str:
        """The one true description: ``A red circle on a gray background.``"""
        first = f"{_article(self.thing.colour).capitalize()} {self.thing.colour} {self.thing.shape}"
        return f"{first} on {_article(self.background)} {self.background} background."


def all_scenes() -> Iterator[Scene]:
    """Every scene of this world once, in a fixed order."""
    things = [Thing(colour, shape) for colour in COLOURS for shape in SHAPES]
    for first, second in itertools.permutations(things, 2):
        if first.colour != second.colour:
            yield from (Scene(first, second, background) for background in BACKGROUNDS)


def all_one_things() -> Iterator[OneThing]:
    """Every clip content with one thing only, once, in a fixed order."""
    for colour, shape, background in itertools.product(COLOURS, SHAPES, BACKGROUNDS):
        yield OneThing(Thing(colour, shape), background)


def label_of(shown: Scene | OneThing) -> dict[str, str | bool]:
    """The one true answer to the question ``label``.

    Returns:
        ``category``: that of the first thing's shape in ``CATEGORIES``. ``is_safe``: whether nothing red
        (``DANGER``) is shown, first or second. ``description``: the sentence. ``visual_quality``: ``high``,
        for every drawing is sharp and well lit. In this order, which is that of the question's schema.
    """
    things = (shown.first, shown.second) if isinstance(shown, Scene) else (shown.thing,)
    return {
        "category": CATEGORIES[things[0].shape],
        "is_safe": all(thing.colour != DANGER for thing in things),
        "description": shown.sentence(),
        "visual_quality": "high",
    }


def random_scene(rng: np.random.Generator) -> Scene:
    """Draw a scene; every scene of ``all_scenes`` is equally likely."""
    colours = rng.permutation(list(COLOURS))[:2]
    first, second = (Thing(str(colour), SHAPES[rng.integers(len(SHAPES))]) for colour in colours)
    return Scene(first, second, list(BACKGROUNDS)[rng.integers(len(BACKGROUNDS))])


def read_sentence(text: str) -> Scene | None:
    """Read a description back into the scene it tells of.

    Returns:
        None unless the whole text, outer white space aside, is one sentence of ``Scene.sentence``'s form
        with words this world knows.
    """
    match = _SENTENCE.fullmatch(text.strip())
    if match is None:
        return None
    words = match.groupdict()
    try:
        return Scene(
            Thing(words["colour_1"], words["shape_1"]),
            Thing(words["colour_2"], words["shape_2"]),
            words["background"],
        )
    except ValueError:
        return None


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"

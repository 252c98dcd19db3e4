"""What people may ask for in the synthetic world, and which things answer it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ytcurate.demo.world import BACKGROUNDS, COLOURS, SHAPES, OneThing

_PREFIXES = (
    "",
    "a photo of ",
    "a picture of ",
    "a video of ",
    "a clip of ",
    "a clip with ",
    "video showing ",
    "this is ",
    "there is ",
    "find ",
    "show me ",
)
_BACKGROUND_FORMS = ("{} background", "on a {} background", "on {}", "a plain {} background")
_NOUNS = ("thing", "shape", "object")

WORDS = tuple(
    sorted(
        {word for form in (*_PREFIXES, *_BACKGROUND_FORMS) for word in form.replace("{}", "").split()}
        | {form for shape in SHAPES for form in (shape, f"{shape}s")}
        | {*COLOURS, *BACKGROUNDS, *_NOUNS, "an", "the", "then", "grey", "in", "and"}
    )
)
"""Every word that occurs, in lower case; the vocabulary is made from them."""


@dataclass(frozen=True)
class Query:
    """A text and what it asks for; None: it does not say."""

    text: str
    colour: str | None = None
    shape: str | None = None
    background: str | None = None

    def is_answered_by(self, shown: OneThing) -> bool:
        """Whether all that it says is true of what is shown."""
        true = (shown.thing.colour, shown.thing.shape, shown.background)
        asked = (self.colour, self.shape, self.background)
        return all(word in (None, found) for word, found in zip(asked, true, strict=True))


def draw_query(rng: np.random.Generator) -> Query:
    """Draw a query in one of many forms: ``red circle``, ``a photo of a triangle on white``, ``purple``."""
    colour, shape, background = (str(rng.choice(list(of))) for of in (COLOURS, SHAPES, BACKGROUNDS))
    says_colour, says_shape, says_background = _SAYS[rng.choice(len(_SAYS), p=_SAYS_SHARES)]
    noun = shape if says_shape else ("" if rng.random() < 0.7 else str(rng.choice(_NOUNS)))
    plural = "s" if noun and rng.random() < 0.15 else ""
    words = [colour] * says_colour + [noun + plural] * bool(noun)
    if words and not plural and rng.random() < 0.6:
        article = "the" if rng.random() < 0.1 else "an" if words[0][0] in "aeiou" else "a"
        words.insert(0, article)
    if says_background:
        written = "grey" if background == "gray" and rng.random() < 0.3 else background
        words.append(str(rng.choice(_BACKGROUND_FORMS)).format(written))
    prefix = "" if rng.random() < 0.5 else str(rng.choice(_PREFIXES))
    text = prefix + " ".join(words) + ("." if rng.random() < 0.15 else "")
    return Query(
        text,
        colour if says_colour else None,
        shape if says_shape else None,
        background if says_background else None,
    )


# Colour, shape, background. The shape is the harder part and is asked for most.
_SAYS = (
    (True, True, False),
    (True, True, True),
    (False, True, False),
    (True, False, False),
    (False, False, True),
    (False, True, True),
)
_SAYS_SHARES = (0.35, 0.15, 0.25, 0.1, 0.05, 0.1)

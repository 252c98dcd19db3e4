"""A synthetic video world whose every clip has one true sentence.

A scene shows one large coloured shape on a plain background; at some moment another one, of another colour,
takes its place. What is drawn is known, so a description of it can be scored word for word, the order in time
included. A clip that shows one thing only, as a cut at the change gives, has its sentence too, and both kinds
have a true label. ``scenes`` holds what is true of a clip, ``drawing`` how it is drawn and encoded; all of it
is imported from here.

The model that describes this world lives next door in ``tiny-qwen2.5-vl/``; how it is trained, in
``tools/tiny_model/``.
"""

from ytcurate.demo.drawing import (
    Layout,
    Picture,
    Placement,
    draw_frame,
    draw_thing,
    encode_one_thing,
    encode_pictures,
    encode_video,
    random_layout,
    random_placement,
)
from ytcurate.demo.scenes import (
    BACKGROUNDS,
    CATEGORIES,
    COLOURS,
    DANGER,
    SHAPES,
    OneThing,
    Scene,
    Thing,
    all_one_things,
    all_scenes,
    label_of,
    random_scene,
    read_sentence,
)

__all__ = [
    "BACKGROUNDS",
    "CATEGORIES",
    "COLOURS",
    "DANGER",
    "SHAPES",
    "Layout",
    "OneThing",
    "Picture",
    "Placement",
    "Scene",
    "Thing",
    "all_one_things",
    "all_scenes",
    "draw_frame",
    "draw_thing",
    "encode_one_thing",
    "encode_pictures",
    "encode_video",
    "label_of",
    "random_layout",
    "random_placement",
    "random_scene",
    "read_sentence",
]

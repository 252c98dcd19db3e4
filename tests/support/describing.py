"""Driving a describer from a test."""

from dataclasses import replace

import numpy as np


def describe(describer, clips, **how):
    """Submit as there is room; collect until all are finished. Descriptions in the order of the clips."""
    return ask(describer, [(frames, how) for frames in clips])


def ask(describer, requests):
    """The same for requests that differ: pairs of frames and what ``submit`` is told beside them."""
    waiting = list(enumerate(requests))
    done = {}
    while waiting or describer.in_flight:
        while waiting and describer.room:
            key, (frames, how) = waiting.pop(0)
            describer.submit(key, frames, **how)
        done |= {description.key: description for description in describer.collect()}
    return [done[key] for key in range(len(requests))]


def reversed_in_time(frames):
    return replace(frames, pixels=np.ascontiguousarray(frames.pixels[::-1]))


def repeated(frames, times):
    """A clip that is so many times as long."""
    return replace(
        frames,
        pixels=np.concatenate([frames.pixels] * times),
        indices=list(range(len(frames.indices) * times)),
        info=replace(frames.info, frame_count=frames.info.frame_count * times),
    )

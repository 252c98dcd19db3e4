"""Bytes in, values out: what a video is, where it is cut, which pictures of it a model sees.

Times inside are pts, integer ticks of a stream's time base, and exact fractions of a second; floats
are made for people only. A *copied* cut moves packets unchanged and so begins at a keyframe.
Knows PyAV and NumPy; nothing of YT and nothing of models. PyAV and torch are imported when first used.
"""

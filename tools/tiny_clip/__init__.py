"""Makes the tiny CLIP checkpoint in ``ytcurate/demo/tiny-clip`` and measures what it sees."""

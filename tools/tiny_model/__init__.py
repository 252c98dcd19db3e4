"""Trains and measures the tiny Qwen2.5-VL checkpoint in ``ytcurate/demo/tiny-qwen2.5-vl``."""

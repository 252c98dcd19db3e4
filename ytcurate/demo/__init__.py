"""The demo: a synthetic world with known truth, and a tiny Qwen2.5-VL checkpoint that sees it.

``world`` draws the clips; ``tiny-qwen2.5-vl/`` holds the checkpoint, a directory that vLLM and transformers
load without a network. Nothing here is imported by the pipeline itself.
"""

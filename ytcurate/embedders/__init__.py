"""Embedders: pictures or texts in, vectors out.

``Embedder`` (base.py) is the seam; ``ClipEmbedder`` (clip.py) is CLIP on transformers. What happens to a
picture before the model sees it is in preparation.py, how pictures are decoded in pictures.py. torch and
transformers are imported when an embedder is built, never before.
"""

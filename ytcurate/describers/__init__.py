"""The model seam: pictures in, text and outcome out.

For a new model write one class with the four members of ``Describer`` (base.py). An *outcome* says how
a clip ended: ``ok``, ``truncated``, ``unreadable``, ``refused`` or ``failed``. Engines are imported when
a describer is built, never before.
"""

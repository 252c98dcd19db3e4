"""Settings, as small frozen values grouped by what they describe. The only home of defaults.

Each is checked when it is built, so a wrong value stops a call before anything is started. Each step has a
module of its own: ``cutting``, ``judging``, ``describing``. All are imported from here.
"""

from ytcurate.config.cutting import (
    CODECS,
    CUTS,
    DETECTORS,
    PREVIEWS,
    SPLITS,
    Encoding,
    Segmenting,
    SourceLimits,
)
from ytcurate.config.describing import Buffering, ClipLimits, EngineSettings, FrameSampling, Sampling
from ytcurate.config.judging import LabelRules, Scoring, Thresholds
from ytcurate.config.row_range import read_row_range
from ytcurate.config.sizes import (
    DEFAULT_ROW_WEIGHT_BYTES,
    GIB,
    MIB,
    PATCH_AREA_PX,
    PORTABLE_ROW_WEIGHT_BYTES,
)

__all__ = [
    "CODECS",
    "CUTS",
    "DEFAULT_ROW_WEIGHT_BYTES",
    "DETECTORS",
    "GIB",
    "MIB",
    "PATCH_AREA_PX",
    "PORTABLE_ROW_WEIGHT_BYTES",
    "PREVIEWS",
    "SPLITS",
    "Buffering",
    "ClipLimits",
    "Encoding",
    "EngineSettings",
    "FrameSampling",
    "LabelRules",
    "Sampling",
    "Scoring",
    "Segmenting",
    "SourceLimits",
    "Thresholds",
    "read_row_range",
]

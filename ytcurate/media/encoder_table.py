"""The encoders that clips are made with: their names, and how quality is said to each.

``Encoding.quality`` is on x264's scale of constant quality, 0 to 51, less is better. The others are told:

| encoder | option | value | pictures |
|---|---|---|---|
| ``libx264`` | ``crf`` | quality | as the source where x264 takes it: 8 and 10 bits, 4:2:0 to 4:4:4 |
| ``libx265`` | ``crf`` | quality x 28/23: their defaults, 28 and 23, look alike | likewise, and 12 bits |
| ``libopenh264`` | ``qmin``, ``qmax`` | quality | 8 bits, 4:2:0 |
| ``*_nvenc`` | ``cq`` with ``rc vbr`` | quality, at least 1 (0 means automatic) | 8 bits, 4:2:0 |
| ``*_qsv`` | ``global_quality`` | quality, at least 1 | 8 bits, 4:2:0 |
| ``*_vaapi`` | ``qp`` with ``rc_mode CQP`` | quality | 8 bits, 4:2:0 |
| ``*_videotoolbox`` | ``q:v``, 1 to 100, more is better | 100 x (1 - quality / 51) | 8 bits, 4:2:0 |

Sources: FFmpeg's documentation of encoders; x265's documentation, "Quality Control".
"""

from __future__ import annotations

from dataclasses import dataclass

_SUBSAMPLINGS = ("yuv420p", "yuv422p", "yuv444p")
_FULL_RANGE = ("yuvj420p", "yuvj422p", "yuvj444p")
_EIGHT_BITS = (*_SUBSAMPLINGS, *_FULL_RANGE)
_TEN_BITS = tuple(f"{name}10le" for name in _SUBSAMPLINGS)
_TWELVE_BITS = tuple(f"{name}12le" for name in _SUBSAMPLINGS)


@dataclass(frozen=True, kw_only=True)
class Encoder:
    """One encoder of the FFmpeg program."""

    name: str
    codec: str
    """``h264`` or ``hevc``."""
    quality_options: tuple[tuple[str, str], ...]
    """Options; ``{quality}`` stands for the number."""
    fixed_options: tuple[tuple[str, str], ...] = ()
    """Makes keyframes closed, and output quiet."""
    pixel_formats: tuple[str, ...] = ("yuv420p",)
    """Those that it is given as they are. The first is what others are converted to."""
    filters: tuple[str, ...] = ()
    """Of FFmpeg, that bring pictures to the device."""
    input_options: tuple[tuple[str, str], ...] = ()
    """Options before the input, that open the device."""

    def options(self, quality: int) -> dict[str, str]:
        """FFmpeg's options for a quality on x264's scale."""
        if self.name == "libx265":
            quality = min(51, round(quality * 28 / 23))
        elif self.name.endswith("_videotoolbox"):
            quality = max(1, round(100 * (1 - quality / 51)))
        elif self.name.endswith(("_nvenc", "_qsv")):
            quality = max(1, quality)
        said = {option: value.format(quality=quality) for option, value in self.quality_options}
        return {**said, **dict(self.fixed_options)}


def _hardware(codec: str) -> list[Encoder]:
    vaapi_device = "/dev/dri/renderD128"
    return [
        Encoder(
            name=f"{codec}_nvenc",
            codec=codec,
            quality_options=(("rc", "vbr"), ("cq", "{quality}"), ("b:v", "0")),
            fixed_options=(("forced-idr", "1"),),
        ),
        Encoder(
            name=f"{codec}_qsv",
            codec=codec,
            quality_options=(("global_quality", "{quality}"),),
            fixed_options=(("forced_idr", "1"),),
            pixel_formats=("nv12",),
        ),
        Encoder(
            name=f"{codec}_vaapi",
            codec=codec,
            quality_options=(("rc_mode", "CQP"), ("qp", "{quality}")),
            pixel_formats=("nv12",),
            filters=("format=nv12", "hwupload"),
            input_options=(("vaapi_device", vaapi_device),),
        ),
        Encoder(
            name=f"{codec}_videotoolbox",
            codec=codec,
            quality_options=(("q:v", "{quality}"),),
        ),
    ]


ENCODERS = {
    encoder.name: encoder
    for encoder in (
        *_hardware("h264"),
        Encoder(
            name="libx264",
            codec="h264",
            quality_options=(("crf", "{quality}"),),
            fixed_options=(("forced-idr", "1"),),
            pixel_formats=(*_EIGHT_BITS, *_TEN_BITS),
        ),
        Encoder(
            name="libopenh264",
            codec="h264",
            quality_options=(("rc_mode", "quality"), ("qmin", "{quality}"), ("qmax", "{quality}")),
        ),
        *_hardware("hevc"),
        Encoder(
            name="libx265",
            codec="hevc",
            quality_options=(("crf", "{quality}"),),
            fixed_options=(("forced-idr", "1"), ("x265-params", "log-level=none:open-gop=0")),
            pixel_formats=(*_EIGHT_BITS, *_TEN_BITS, *_TWELVE_BITS),
        ),
    )
}
"""By name; those of one codec in the order in which they are tried."""

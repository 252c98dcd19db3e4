"""Whether a model's weights fit, from its files or its name."""

import pytest

from ytcurate.config import GIB
from ytcurate.demo.sample import MODEL
from ytcurate.errors import UsageError
from ytcurate.models import ModelReference, estimate_weight_bytes, find_model, replicas, require_fit

H100 = {"gpu_memory_bytes": 80 * GIB, "gpu_memory_utilization": 0.9}


def named(name, **known):
    return ModelReference(name, name, **known)


@pytest.mark.parametrize(
    ("name", "gigabytes"),
    [
        ("Qwen/Qwen2.5-VL-3B-Instruct", 7.5),
        ("Qwen/Qwen2.5-VL-7B-Instruct", 16.58),
        ("Qwen/Qwen2.5-VL-72B-Instruct", 146.8),
        ("Qwen/Qwen2.5-VL-7B-Instruct-AWQ", 4.974),
        ("Qwen/Qwen2-VL-7B-Instruct-GPTQ-Int4", 4.974),
        ("someone/Qwen2.5-VL-72B-Instruct-FP8-dynamic", 73.4),
        ("someone/Qwen2.5-VL-72B-Instruct-quantized.w8a8", 73.4),
        ("Qwen/Qwen3-VL-235B-A22B-Instruct", 470),
        ("someone/Mix-8x7B", 112),
        ("someone/Small-500M-Video", 1),
        ("someone/no-number", None),
        ("someone/Qwen2.5-VL-7B-GGUF", None),
    ],
)
def test_a_name_tells_the_bytes_of_its_weights(name, gigabytes):
    estimate = estimate_weight_bytes(named(name))
    assert estimate == (None if gigabytes is None else pytest.approx(gigabytes * 1e9))


def test_counted_bytes_win_over_the_name():
    assert estimate_weight_bytes(named("a/Model-7B", weight_bytes=5)) == 5
    assert estimate_weight_bytes(find_model(str(MODEL))) == (MODEL / "model.safetensors").stat().st_size


def test_quantising_while_loading_halves_sixteen_bits_and_nothing_else():
    assert estimate_weight_bytes(named("a/Model-7B"), quantization="fp8") == 7e9
    assert estimate_weight_bytes(named("a/Model-7B-FP8"), quantization="fp8") == 7e9


def test_a_model_too_large_for_its_device_is_refused_with_what_would_do():
    model = named("Qwen/Qwen2.5-VL-72B-Instruct")
    with pytest.raises(UsageError) as raised:
        require_fit(model, tensor_parallel=None, device="one H100 of preset h100", **H100)
    assert str(raised.value) == (
        "Qwen2.5-VL-72B-Instruct needs about 137 GiB for its weights; one H100 of preset h100 has 80: use a "
        "preset with more devices (h100-8) and --tensor-parallel 2, or an AWQ or FP8 checkpoint."
    )
    require_fit(model, tensor_parallel=2, **H100)
    with pytest.raises(UsageError, match="has 24, and it is spread over 2"):
        require_fit(model, tensor_parallel=2, gpu_memory_bytes=24 * GIB, gpu_memory_utilization=0.9)


def test_what_cannot_be_told_is_not_refused():
    require_fit(named("someone/no-number"), tensor_parallel=None, **H100)
    require_fit(
        named("Qwen/Qwen2.5-VL-72B"), tensor_parallel=None, gpu_memory_bytes=None, gpu_memory_utilization=0.9
    )


@pytest.mark.parametrize(
    ("name", "gpus", "tensor_parallel", "copies"),
    [
        ("Qwen/Qwen2.5-VL-7B-Instruct", 8, None, 8),
        ("Qwen/Qwen2.5-VL-7B-Instruct", 8, 4, 2),
        ("Qwen/Qwen2.5-VL-7B-Instruct", 1, None, 1),
        ("Qwen/Qwen2.5-VL-72B-Instruct", 8, None, 1),
        ("someone/no-number", 8, None, 1),
        ("someone/no-number", 8, 1, 8),
    ],
)
def test_a_job_holds_a_copy_for_each_device_that_fits_one(name, gpus, tensor_parallel, copies):
    assert replicas(named(name), gpus, tensor_parallel=tensor_parallel, **H100) == copies

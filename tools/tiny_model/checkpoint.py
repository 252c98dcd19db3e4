"""The parts of the checkpoint that are not learned by gradient: vocabulary, chat template, shapes, limits.

What is saved is an ordinary Qwen2.5-VL directory. The architecture is the published one; only its
sizes are small, and the vocabulary is a byte-level BPE trained on this world's own sentences.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    GenerationConfig,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Tokenizer,
    Qwen2VLImageProcessor,
    Qwen2VLVideoProcessor,
)
from transformers.models.qwen2.tokenization_qwen2 import PRETOKENIZE_REGEX

from ytcurate.demo.world import all_scenes

SYSTEM_LINES = (
    "You are a helpful assistant.",
    "You describe videos.",
    "You are a careful observer. Answer in one sentence.",
    "Tell what is shown, in order.",
)
USER_PROMPTS = (
    "Describe this video.",
    "Describe the video.",
    "Describe this video in detail.",
    "What happens in this video?",
    "What is shown in this clip, and in which order?",
    "Please write a short description of the clip.",
    "Write one sentence about what you see.",
    "Give a caption for this video.",
    "Provide a detailed description of the scene, the objects, the colours and the background.",
    "Watch the video carefully and say what appears first and what appears after it.",
)
"""The prompts of training and the text from which, with the sentences, the vocabulary is made."""

SIDE_PX = 112
"""Side of the square pictures that the model is trained on."""

_SPECIAL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
_VOCABULARY_SIZE = 640

# The message layout of Qwen2.5-VL: a turn is <|im_start|>role, a line break, the content, <|im_end|>.
_CHAT_TEMPLATE = """\
{%- if messages[0]['role'] != 'system' -%}
{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' -}}
{%- endif -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' -}}
{%- if message['content'] is string -%}
{{- message['content'] -}}
{%- else -%}
{%- for part in message['content'] -%}
{%- if 'video' in part or part['type'] == 'video' -%}
{{- '<|vision_start|><|video_pad|><|vision_end|>' -}}
{%- elif 'image' in part or part['type'] in ('image', 'image_url') -%}
{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}
{%- elif 'text' in part -%}
{{- part['text'] -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""


def build_tokenizer() -> Qwen2Tokenizer:
    """Train the vocabulary: 256 bytes, then merges until each word of a sentence is one token."""
    draft = Tokenizer(models.BPE())
    draft.normalizer = normalizers.NFC()
    draft.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PRETOKENIZE_REGEX), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    draft.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY_SIZE - len(_SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    roles = ("system\n", "user\n", "assistant\n")
    text = [*(scene.sentence() for scene in all_scenes()), *SYSTEM_LINES, *USER_PROMPTS, *roles]
    draft.train_from_iterator(text, trainer)

    learned = json.loads(draft.to_str())["model"]
    tokenizer = Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=[tuple(merge) for merge in learned["merges"]],
        eos_token="<|im_end|>",
        additional_special_tokens=[t for t in _SPECIAL_TOKENS if t not in ("<|endoftext|>", "<|im_end|>")],
        model_max_length=8192,
    )
    tokenizer.chat_template = _CHAT_TEMPLATE
    return tokenizer


def build_processor(tokenizer: Qwen2Tokenizer) -> Qwen2_5_VLProcessor:
    """Build the processor. Larger pictures are reduced to the pixel count that the model was trained on."""
    limits = {"shortest_edge": 56 * 56, "longest_edge": SIDE_PX * SIDE_PX}
    return Qwen2_5_VLProcessor(
        image_processor=Qwen2VLImageProcessor(size=dict(limits)),
        tokenizer=tokenizer,
        video_processor=Qwen2VLVideoProcessor(size=dict(limits), cap_pixels_per_frame=False),
        chat_template=_CHAT_TEMPLATE,
    )


def build_model(tokenizer: Qwen2Tokenizer) -> Qwen2_5_VLForConditionalGeneration:
    """Build the network with random weights, float32; the draw follows torch's global seed."""
    text = {
        "vocab_size": len(tokenizer),
        "hidden_size": 192,
        "intermediate_size": 512,
        "num_hidden_layers": 3,
        "num_attention_heads": 3,
        "num_key_value_heads": 1,
        "max_position_embeddings": 8192,
        "rms_norm_eps": 1e-6,
        # Half a head (32 rotated pairs), shared out to time, height and width as in the 7B model.
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [8, 12, 12]},
        "initializer_range": 0.05,
        "bos_token_id": tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        "eos_token_id": tokenizer.convert_tokens_to_ids("<|im_end|>"),
        "pad_token_id": tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        "tie_word_embeddings": True,
    }
    vision = {
        "depth": 3,
        "hidden_size": 96,
        "intermediate_size": 256,
        "num_heads": 3,
        "patch_size": 14,
        "spatial_merge_size": 2,
        "temporal_patch_size": 2,
        "tokens_per_second": 2,
        "window_size": 112,
        "out_hidden_size": 192,
        "fullatt_block_indexes": [2],
        "initializer_range": 0.05,
    }
    config = Qwen2_5_VLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=tokenizer.convert_tokens_to_ids("<|image_pad|>"),
        video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
        vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
        vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
        tie_word_embeddings=True,
    )
    return Qwen2_5_VLForConditionalGeneration(config)


def save_checkpoint(
    model: Qwen2_5_VLForConditionalGeneration, processor: Qwen2_5_VLProcessor, folder: Path
) -> None:
    """Write a directory that vLLM and transformers load; weights are rounded to bfloat16."""
    rounded = Qwen2_5_VLForConditionalGeneration(model.config).to(torch.bfloat16)
    rounded.load_state_dict(model.state_dict())
    tokenizer = processor.tokenizer
    rounded.generation_config = GenerationConfig(
        eos_token_id=[tokenizer.convert_tokens_to_ids(t) for t in ("<|im_end|>", "<|endoftext|>")],
        pad_token_id=tokenizer.convert_tokens_to_ids("<|endoftext|>"),
        do_sample=False,
    )
    rounded.save_pretrained(folder)
    processor.save_pretrained(folder)
    # The same settings again, in the files where transformers before 5 looks for them.
    processor.image_processor.save_pretrained(folder)
    processor.video_processor.save_pretrained(folder)

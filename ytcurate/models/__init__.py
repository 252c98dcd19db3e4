"""The model: which one is meant, how its files reach the jobs, and whether it fits them.

``find_model`` takes what ``--model`` says and returns a ``ModelReference``: what to put into a job's sandbox,
environment and secure vault, and what the job verifies before the engine starts. ``require_fit`` refuses a
model that is too large. ``pipeline.weights`` stages a checkpoint in Cypress; its manifest is read here.
"""

from ytcurate.models.find import SHIPPED_MODEL_BYTES, find_model
from ytcurate.models.fit import estimate_weight_bytes, replicas, require_fit
from ytcurate.models.manifest import Manifest, read_manifest
from ytcurate.models.reference import SANDBOX_FOLDER, ModelReference, Secrets

__all__ = [
    "SANDBOX_FOLDER",
    "SHIPPED_MODEL_BYTES",
    "Manifest",
    "ModelReference",
    "Secrets",
    "estimate_weight_bytes",
    "find_model",
    "read_manifest",
    "replicas",
    "require_fit",
]

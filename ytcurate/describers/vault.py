"""Secrets inside a job: their names, and where they come from.

An operation's ``secure_vault`` reaches its jobs as environment variables with a prefix; libraries look for
the names without it.
"""

from __future__ import annotations

import os

HUB_TOKEN = "HF_TOKEN"
"""Where the Hugging Face libraries look for a token."""
ENDPOINT_KEY = "OPENAI_API_KEY"
"""Where the endpoint describer looks for the key of its server."""
_PREFIX = "YT_SECURE_VAULT_"


def take_from_vault(name: str) -> bool:
    """Let the libraries of this process find a secret that came through ``secure_vault``.

    What the environment says under the same name already is replaced; without such a secret it stays.
    To be called in the job before the libraries are imported: they read the environment once.

    Args:
        name: of the secret, in ``secure_vault`` and for the libraries.

    Returns:
        Whether it was there.
    """
    secret = os.environ.get(_PREFIX + name)
    if secret:
        os.environ[name] = secret
    return bool(secret)

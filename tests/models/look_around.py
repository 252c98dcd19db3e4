"""A mapper for tests; a module of its own, so that a job needs nothing else of the tests."""


class LookAround:
    """A mapper that verifies its model as a describe job does, and says what it sees."""

    def __init__(self, manifest):
        self.manifest = manifest

    def __call__(self, row):
        import os
        from pathlib import Path

        from ytcurate.describers.weights import take_token_from_vault, verify_files

        take_token_from_vault()
        verify_files("model", self.manifest)
        files = sorted(path.relative_to("model").as_posix() for path in Path("model").rglob("*.*"))
        names = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
        yield {
            "files": files,
            "offline": [os.environ.get(name) for name in names],
            "token_ends_with": os.environ.get("HF_TOKEN", "")[-3:],
        }

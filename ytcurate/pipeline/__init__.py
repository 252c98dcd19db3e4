"""The flow itself, one module per step: upload writes clips, describe writes descriptions, show reads."""

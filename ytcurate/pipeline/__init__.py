"""The flow itself, one module per step: upload writes clips, describe writes descriptions, show and
watch look at them."""

"""keras_lwm: segmentation networks for plain RGB, trained with depth as privileged information."""

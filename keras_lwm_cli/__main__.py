"""`python -m keras_lwm_cli`, where the package is not installed."""

from keras_lwm_cli import main

main(prog_name="keras-lwm")

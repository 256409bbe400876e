"""The command `keras-lwm`: one file a command, none of them with logic of its own.

A package beside `keras_lwm`, not in it: importing anything of `keras_lwm` imports Keras, and a
command has to choose Keras' backend first. Each command imports what it needs when it runs. So does
a recipe, whose options, `training_options`, are here for the same reason.
"""

import importlib

import click

_COMMANDS = ("datasets", "evaluate", "export", "predict", "report")


class _Commands(click.Group):
    """Imports a command's file only when that command is asked for."""

    def list_commands(self, context):
        return list(_COMMANDS)

    def get_command(self, context, name):
        if name not in _COMMANDS:
            return None
        return getattr(importlib.import_module(f"{__name__}.{name}"), name)


@click.command(cls=_Commands)
@click.version_option(package_name="keras_lwm")
def main() -> None:
    """Data sets for segmentation with privileged depth, and what is done with a trained model."""

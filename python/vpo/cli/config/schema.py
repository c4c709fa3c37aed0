"""`vpo config schema`: the JSON Schema of the config file."""

from __future__ import annotations

from vpo.cli.config.text import print_schema
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.config.models import Config


@command("schema")
@global_options
def schema() -> None:
    """Print the JSON Schema of the config file, for use in editors.

    Editors use it to complete and check settings.
    """
    print_schema(Config, "The config file of vpo")

"""`vpo profiles schema`: the JSON Schema of profiles."""

from __future__ import annotations

from vpo.cli.config.text import print_schema
from vpo.cli.groups import command
from vpo.cli.options.global_options import global_options
from vpo.config.models import Profile


@command("schema")
@global_options
def schema() -> None:
    """Print the JSON Schema of profiles, for use in editors.

    Editors use it to complete and check settings.
    """
    print_schema(Profile, "A profile of vpo")

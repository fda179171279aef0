"""dbt as this project calls it: the same commands, and nothing is asked of the network.

dagster-dbt asks ``dbt --version`` once a run, and dbt answers only after looking up the newest releases in a package
index. Here the installed version answers; every other command is dbt's own.
"""

import sys
from importlib.metadata import version


def main() -> None:
    """Run dbt with the arguments of the command line."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"{version('dbt-core')}\n")
        return
    from dbt.cli.main import cli  # noqa: PLC0415  (takes seconds to import)

    cli()

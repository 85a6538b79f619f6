"""`tradewind crds [install]`: the CustomResourceDefinitions."""

from typing import Annotated

import typer

app = typer.Typer(help="Print the CustomResourceDefinitions, or install those that a cluster lacks.")


@app.callback(invoke_without_command=True)
def print_(
    context: typer.Context,
    cluster: Annotated[
        bool, typer.Option("--cluster", help="Only those of kinds that are served on Kubernetes.")
    ] = False,
) -> None:
    """Print the CustomResourceDefinitions."""
    from tradewind.resources import crds

    if context.invoked_subcommand is None:
        files = crds.render()
        text = crds.installed() if cluster else "---\n".join(files[name] for name in sorted(files))
        typer.echo(text, nl=False)


@app.command()
def install() -> None:
    """Create those that the cluster does not have; what is there, Knative's perhaps, is left as it is."""
    from tradewind import runtime
    from tradewind.control.crds import install as install_all

    for line in runtime.at_api_server(install_all):
        typer.echo(line)

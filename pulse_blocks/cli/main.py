"""The entry point ``pulse``: all commands, and the one place where what goes wrong is told."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import click
import typer

from pulse_blocks import __version__
from pulse_blocks.cli import (
    audit,
    automations,
    check,
    datasource,
    demo,
    demo_data,
    deploy,
    doctor,
    drift,
    failures,
    infra,
    init,
    key,
    ledger,
    lineage,
    plan,
    predict,
    promote,
    protocol,
    reproduce,
    schema,
    score,
    serve,
    snapshot,
    status,
    up,
    workspace,
)
from pulse_blocks.cli import (
    run as running,
)
from pulse_blocks.cli.grouping import (
    CONTRACT,
    DATA,
    MACHINE,
    SERVING,
    TRAINING,
    commands,
    with_workspace_option,
    workspace_of_one_command,
)
from pulse_blocks.errors import PulseError

app = commands(
    "An ML runtime on Prefect: from one YAML file to predictions that can be traced.\n\n"
    "Start with `pulse demo`. Every command that gives data takes --json.",
    completion=True,
)
app.command("init", rich_help_panel=CONTRACT)(init.init)
app.command("check", rich_help_panel=CONTRACT)(check.check)
app.command("schema", rich_help_panel=CONTRACT)(schema.schema)
app.add_typer(protocol.app, name="protocol", rich_help_panel=CONTRACT)
app.command("run", rich_help_panel=TRAINING)(running.run)
app.command("plan", rich_help_panel=TRAINING)(plan.plan)
app.command("reproduce", rich_help_panel=TRAINING)(reproduce.reproduce)
app.command("deploy", rich_help_panel=TRAINING)(deploy.deploy)
app.add_typer(infra.app, name="infra", rich_help_panel=TRAINING)
app.add_typer(automations.app, name="automations", rich_help_panel=TRAINING)
app.command("serve", rich_help_panel=SERVING)(serve.serve)
app.command("predict", rich_help_panel=SERVING)(predict.predict)
app.command("score", rich_help_panel=SERVING)(score.score)
app.command("promote", rich_help_panel=SERVING)(promote.promote)
app.command("rollback", rich_help_panel=SERVING)(promote.rollback)
app.command("drift", rich_help_panel=SERVING)(drift.drift)
app.command("lineage", rich_help_panel=SERVING)(lineage.lineage)
app.add_typer(audit.app, name="audit", rich_help_panel=SERVING)
app.add_typer(key.app, name="key", rich_help_panel=SERVING)
app.add_typer(snapshot.app, name="snapshot", rich_help_panel=DATA)
app.add_typer(ledger.app, name="ledger", rich_help_panel=DATA)
app.add_typer(datasource.app, name="datasource", rich_help_panel=DATA)
app.add_typer(workspace.app, name="workspace", rich_help_panel=DATA)
app.command("status", rich_help_panel=MACHINE)(status.status)
app.command("doctor", rich_help_panel=MACHINE)(doctor.doctor)
app.command("up", rich_help_panel=MACHINE)(up.up)
app.command("demo", rich_help_panel=MACHINE)(demo.demo)
app.command("demo-data", rich_help_panel=MACHINE)(demo_data.demo_data)


def _version(value: bool) -> None:
    if value:
        sys.stdout.write(f"pulse {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command that the process was started with, and leave with its exit code (see ``failures``)."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal without the tree's glyphs is no error
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit code of one command; whatever went wrong has been told."""
    try:
        code = _run(arguments, as_json=_asks_for_json(arguments))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has enough; what is still buffered must not raise again at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return failures.REFUSED
    except (KeyboardInterrupt, click.Abort):
        return failures.INTERRUPTED
    return code


def _run(arguments: Sequence[str], *, as_json: bool) -> int:
    try:
        return _invoke(arguments)
    except PulseError as error:
        return failures.refused(error, as_json=as_json)
    except click.ClickException as error:
        return failures.misused(error, as_json=as_json)
    except (BrokenPipeError, click.Abort):
        raise
    except Exception as error:  # noqa: BLE001  a bug must not end in a traceback on the terminal
        return failures.broken(error, as_json=as_json)


def _invoke(arguments: Sequence[str]) -> int:
    """The exit code that a command asked for by ``typer.Exit``, else 0. Its errors come through."""
    for argument in arguments:
        if not _is_text(argument):
            raise click.UsageError(f"{argument!r} is not UTF-8.")
    command = with_workspace_option(typer.main.get_command(app))
    with workspace_of_one_command():
        code = command.main(args=arguments, prog_name="pulse", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _is_text(argument: str) -> bool:
    """Whether the shell gave text; other bytes arrive as surrogates, which cannot be printed or sent."""
    try:
        argument.encode()
    except UnicodeEncodeError:
        return False
    return True


def _asks_for_json(arguments: Sequence[str]) -> bool:
    """By the words alone: a usage error must be told as JSON too, and it comes before any parsing."""
    words = list(arguments)
    return "--json" in (words[: words.index("--")] if "--" in words else words)

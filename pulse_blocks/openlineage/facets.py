"""What Pulse knows, as OpenLineage's facets. Their schemas are the standard's; those of our own are in ``schemas/``."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import attr
from openlineage.client.facet_v2 import (
    JobFacet,
    RunFacet,
    data_quality_assertions_dataset,
    dataset_version_dataset,
    datasource_dataset,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
    parent_run,
    schema_dataset,
    source_code_location_job,
)

from pulse_blocks import __version__
from pulse_blocks.records import Column
from pulse_blocks.secret_urls import hidden
from pulse_blocks.validation.report import Report

# Names, not addresses: the schemas are in the package itself, below ``schemas/``.
PRODUCER = f"urn:pulse-blocks:{__version__}"
_SCHEMAS = "urn:pulse-blocks:openlineage:1"


@attr.define
class PulseModelRunFacet(RunFacet):
    """A model that was trained: see ``schemas/PulseModelRunFacet.json``."""

    model: str
    trees: str
    metrics: dict[str, float]
    trainRows: int  # noqa: N815 - the standard's spelling
    testRows: int  # noqa: N815
    snapshot: str
    promoted: bool | None = None

    @staticmethod
    def _get_schema() -> str:
        return f"{_SCHEMAS}:PulseModelRunFacet"


@attr.define
class PulseDriftRunFacet(RunFacet):
    """A drift check: see ``schemas/PulseDriftRunFacet.json``."""

    check: str
    model: str
    verdict: str
    rows: int
    features: dict[str, float]

    @staticmethod
    def _get_schema() -> str:
        return f"{_SCHEMAS}:PulseDriftRunFacet"


def schema(columns: tuple[Column, ...]) -> Any:
    """Names and types of columns, in the words of the protocol language."""
    field = schema_dataset.SchemaDatasetFacetFields
    return schema_dataset.SchemaDatasetFacet(
        fields=[field(name=column.name, type=column.type) for column in columns]
    )


def data_source(name: str, uri: str) -> Any:
    """Where data are, with no secret of the address in it."""
    return datasource_dataset.DatasourceDatasetFacet(name=name, uri=hidden(uri))


def version(of: str) -> Any:
    """The version of a data set: a hash of its content."""
    return dataset_version_dataset.DatasetVersionDatasetFacet(datasetVersion=of)


def statistics(rows: int, size: int, files: int) -> Any:
    """Rows, bytes and files of what was written."""
    kind = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    return kind(rowCount=rows, size=size, fileCount=files)


def assertions(report: Report) -> Any:
    """Every rule of a validation: whether it held, and what was found."""
    one = data_quality_assertions_dataset.Assertion
    rules = [
        one(
            assertion=rule.check,
            success=rule.rows == 0,
            column=rule.column,
            severity="error" if rule.severity == "error" else "warn",
            actual=f"{rule.rows} rows",
        )
        for rule in report.rules
    ]
    checks = [
        one(
            assertion=check.check,
            success=check.passed,
            severity="error" if check.severity == "error" else "warn",
            description=check.message,
        )
        for check in report.checks
    ]
    return data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(assertions=[*rules, *checks])


def parent(run: str, namespace: str, name: str) -> Any:
    """The pipeline's run that a stage belongs to."""
    return parent_run.ParentRunFacet(
        run=parent_run.Run(runId=run), job=parent_run.Job(namespace=namespace, name=name)
    )


def failure(message: str) -> Any:
    """In which words a run failed."""
    return error_message_run.ErrorMessageRunFacet(message=message, programmingLanguage="python")


def kind(of: str) -> JobFacet:
    """What sort of job it is: FLOW for the pipeline, TASK for a stage."""
    return job_type_job.JobTypeJobFacet(processingType="BATCH", integration="PULSE", jobType=of)


@functools.cache
def source_code(path: Path) -> JobFacet:
    """Where the protocol file is, and at which commit if its folder is a git repository."""
    from openlineage.client import git

    found = git._find_git_dir(str(path.parent))  # noqa: SLF001 - the client's own way, which it has no other name for
    url = git.get_git_repo_url(git_dir=found) if found else None
    if found is None or url is None:
        return source_code_location_job.SourceCodeLocationJobFacet(
            type="file", url=path.as_uri(), path=path.name
        )
    inside = path.relative_to(found.parent).as_posix() if path.is_relative_to(found.parent) else path.name
    return source_code_location_job.SourceCodeLocationJobFacet(
        type="git",
        url=hidden(url),
        repoUrl=hidden(url),
        path=inside,
        version=git.get_git_version(git_dir=found),
        branch=git.get_git_branch(git_dir=found),
    )

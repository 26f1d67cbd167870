"""What Pulse writes into MLflow, and in which order, so that a crash at any point leaves nothing twice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from pulse_blocks.errors import PulseError
from pulse_blocks.progress import listening
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import Snapshot, TrainedModel
from pulse_blocks.settings import Workspace
from pulse_blocks.tracking.connection import connect, door, exclusive
from pulse_blocks.tracking.drift import DriftFacts
from pulse_blocks.training.card import Card
from pulse_blocks.training.fitted import Fitted
from pulse_blocks.training.search.trial import Tried


class Tracking:
    """A workspace's MLflow. Every method raises UnavailableError where it is out of reach.

    Opening loads MLflow (seconds) and makes the tables of a new SQLite file. Not for several threads.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._client: Any = connect(workspace)

    def open_run(
        self, protocol: Protocol, snapshot_id: str, snapshot_hash: str, datasource: str, attempt: str
    ) -> str:
        """MLflow's id of the run of ``attempt``: created, or found by its tag and resumed."""
        from pulse_blocks.tracking import runs

        tags = {
            "pulse.snapshot": snapshot_id,
            "pulse.snapshot.hash": snapshot_hash,
            "pulse.datasource": datasource,
            "pulse.protocol": f"{protocol.name} {protocol.version}",
            "pulse.protocol.digest": protocol.digest,
        }
        with door(self._workspace), self._alone(protocol.name):
            experiment = runs.experiment_id(self._client, self._workspace, protocol.name)
            name = f"{protocol.version} on {snapshot_id}"
            run_id = runs.open_run(self._client, experiment, name, attempt, tags)
            source = f"{self._workspace.store}/snapshots/{snapshot_id}/manifest.json"
            runs.log_dataset(self._client, run_id, snapshot_id, snapshot_hash, source)
        return run_id

    def log_training(
        self, run_id: str, protocol: Protocol, fitted: Fitted, protocol_file: Path | None = None
    ) -> None:
        """Parameters, metrics of every round and of the end, importance and protocol. May be repeated."""
        from pulse_blocks.tracking import runs

        with door(self._workspace):
            runs.log_training(self._client, run_id, protocol, fitted, protocol_file)

    @contextlib.contextmanager
    def following_rounds(self, run_id: str) -> Iterator[None]:
        """Log each round's metrics while a model is fitted. What is out of reach then is logged at the end."""
        from pulse_blocks.tracking import runs
        from pulse_blocks.tracking.rounds import Batch, RoundsLog

        def log(batch: Batch) -> None:
            with door(self._workspace):
                runs.log_rounds(self._client, run_id, batch)

        listener = RoundsLog(log)
        with listening(listener):
            yield
        listener.flush()

    def log_trial(self, run_id: str, protocol: Protocol, tried: Tried) -> None:
        """A trial of a search as a run below ``run_id``. May be repeated."""
        from pulse_blocks.tracking import trials
        from pulse_blocks.training.search.trial import metric_of

        with door(self._workspace):
            trials.log_trial(self._client, run_id, protocol, metric_of(protocol)[1], tried)

    def log_card(self, run_id: str, card: Card) -> None:
        """The model card as Markdown and HTML, pictures inside. May be repeated."""
        from pulse_blocks.tracking import runs

        with door(self._workspace):
            runs.log_card(self._client, run_id, card)

    def tag(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Tags of a run. May be repeated."""
        with door(self._workspace):
            for name, value in tags.items():
                self._client.set_tag(run_id, name, value)

    def copy_training(self, source: str, target: str, protocol: Protocol) -> None:
        """Give a run what another one has logged of the same trees, and say whose they are. May be repeated."""
        from pulse_blocks.tracking import copying

        with door(self._workspace):
            copying.copy_training(self._client, source, target, protocol)

    def finish(self, run_id: str) -> None:
        """End a run as finished. The end of one that has finished before stays."""
        with door(self._workspace):
            if self._client.get_run(run_id).info.status != "FINISHED":
                self._client.set_terminated(run_id, "FINISHED")

    def fail(self, run_id: str, message: str) -> None:
        """End a run as failed; ``message`` becomes its tag ``pulse.error``."""
        from pulse_blocks.tracking import runs

        with door(self._workspace):
            runs.fail(self._client, run_id, message)

    def register(self, protocol: Protocol, trained: TrainedModel, files: Mapping[str, bytes]) -> str:
        """The model version of ``trained``, with ``files`` (``bundle.json``, ``model.txt``) as its artifact.

        A version of the same model or the same run is found again instead of made twice.
        """
        from pulse_blocks.tracking import registry

        with door(self._workspace), self._alone(protocol.name):
            return registry.register(self._client, protocol, trained, files)

    def log_drift(self, name: str, model: str, facts: DriftFacts, page: str | None) -> str | None:
        """A drift check's metrics as points of a time series, and its page; returns where the page is."""
        from pulse_blocks.tracking import drift

        with door(self._workspace), self._alone(name):
            return drift.log_drift(self._client, self._workspace, name, model, facts, page)

    def receive(
        self,
        protocol: Protocol,
        trained: TrainedModel,
        snapshot: Snapshot,
        attempt: str,
        workspace: str,
        files: Mapping[str, bytes],
    ) -> str:
        """The version of a model that ``workspace`` trained: found here, or registered by a run that says so."""
        from pulse_blocks.tracking import registry, runs

        with door(self._workspace):
            known = registry.version_of(self._client, protocol.name, trained.model)
        if known is not None:
            return known
        run = self.open_run(protocol, snapshot.id, snapshot.hash, snapshot.datasource, attempt)
        with door(self._workspace):
            runs.log_arrival(self._client, run, trained, workspace)
        version = self.register(protocol, msgspec.structs.replace(trained, tracking_run=run), files)
        self.finish(run)
        return version

    def set_champion(self, name: str, model: str) -> None:
        """Let the registry's alias ``champion`` name this model's version. The ledger is what decides.

        Raises PulseError ``tracking.no_version`` where the registry has none of it.
        """
        from pulse_blocks.tracking import registry

        with door(self._workspace):
            # By the model, never by a number that is remembered: MLflow counts from 1 again once a model was deleted.
            version = registry.version_of(self._client, name, model)
            if version is not None:
                registry.set_champion(self._client, name, version)
        if version is None:
            raise PulseError(
                "tracking.no_version",
                f"MLflow's registry has no version of {model}, so its alias champion does not name it.",
                "What is served does not depend on it; a model that is trained and promoted is registered again.",
            )

    def _alone(self, name: str) -> Any:
        """Two processes of this machine must not both find nothing and both create."""
        return exclusive(self._workspace.folder / f"tracking-{name}.lock")

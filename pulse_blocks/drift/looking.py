"""One window of one model: its rows, what they differ by, the verdict on this window alone."""

from __future__ import annotations

import msgspec

from pulse_blocks.archive.windows import ModelAnswers
from pulse_blocks.bundle import LoadedBundle
from pulse_blocks.drift.baseline import Baseline, baseline, reference_of
from pulse_blocks.drift.decision import Judged, judge
from pulse_blocks.drift.decoding import gather
from pulse_blocks.drift.measuring import distance, finding, measures
from pulse_blocks.drift.page import Compared
from pulse_blocks.drift.performance import performance
from pulse_blocks.drift.result import ColumnFinding, PerformanceFinding, QualityFinding
from pulse_blocks.protocol.monitoring_spec import MonitoringSpec
from pulse_blocks.protocol.spec import seconds
from pulse_blocks.stores.base import Store

# A check costs the same whatever the traffic: of more rows a random part is looked at.
MOST_ROWS = 10_000
Bounds = tuple[int, int]


class Looked(msgspec.Struct, frozen=True):
    """What was found in a window; ``used`` rows were looked at. ``compared`` is what Evidently's page is drawn from."""

    used: int
    features: dict[str, ColumnFinding]
    prediction: ColumnFinding
    performance: PerformanceFinding | None
    quality: QualityFinding
    judged: Judged
    compared: Compared


class ModelWindows:
    """The windows of a model. ``spec`` is the monitoring section in force."""

    def __init__(
        self, loaded: LoadedBundle, spec: MonitoringSpec, answers: ModelAnswers, store: Store
    ) -> None:
        self._loaded, self._spec, self._answers = loaded, spec, answers
        self._store = store
        self._baseline: Baseline | None = None

    def bounds(self, end: int) -> Bounds | None:
        """Start and end of the window that ends at ``end`` (microseconds); None where no row is before it."""
        window = self._spec.window
        if window.rows is not None:
            found = self._answers.time_of_row(end, window.rows)
            return None if found is None else (found[0], end)
        length = (window.days or 0) * 86_400 + (window.hours or 0) * 3_600
        return end - length * 1_000_000, end

    def look(self, bounds: Bounds) -> Looked:
        """Judge a window by Evidently's distances in NumPy, which take no seconds to import."""
        rows = self._answers.observed(*bounds, MOST_ROWS)
        window = gather(self._loaded.protocol, self._loaded.bundle.row_checks, rows)
        if self._baseline is None:
            self._baseline = baseline(self._loaded, self._store)
        several = self._loaded.protocol.task == "multiclass-classification"
        asked = measures(self._spec, reference_of(self._loaded), self._baseline, window, several)
        features = {name: finding(one, distance(one)) for name, one in asked.features.items()}
        prediction = finding(asked.prediction, distance(asked.prediction))
        measured = self._performance(bounds)
        judged = judge(self._spec, features, prediction, measured, window.quality)
        compared = Compared(self._loaded.protocol, asked, window, self._baseline)
        return Looked(len(rows), features, prediction, measured, window.quality, judged, compared)

    def _performance(self, bounds: Bounds) -> PerformanceFinding | None:
        """Of the last window whose labels are due: what is younger than ``label_delay`` may still get one."""
        spec = self._spec.performance
        if spec is None:
            return None
        delay = self._spec.label_delay
        back = 0 if delay is None else int(seconds(delay) * 1e6)
        due = bounds[0] - back, bounds[1] - back
        labelled = self._answers.labelled(*due, MOST_ROWS)
        return performance(self._loaded, spec, labelled, due, self._spec.min_rows)

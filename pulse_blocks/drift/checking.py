"""One drift check, from what was answered to a verdict and back into the ledger."""

from __future__ import annotations

import time

import msgspec

from pulse_blocks import bundle
from pulse_blocks.archive.windows import Counted, ModelAnswers
from pulse_blocks.drift.baseline import reference_of
from pulse_blocks.drift.decision import decide, require_calibrated
from pulse_blocks.drift.looking import Bounds, Looked, ModelWindows
from pulse_blocks.drift.page import Compared
from pulse_blocks.drift.result import DriftResult, WindowFinding
from pulse_blocks.errors import PulseError
from pulse_blocks.ledger import Ledger
from pulse_blocks.ledger.drift_checks import Verdict, new_drift_check_id
from pulse_blocks.ledger.table import now_us
from pulse_blocks.protocol.spec import Protocol
from pulse_blocks.records import from_json
from pulse_blocks.stores.base import Store
from pulse_blocks.times import iso, of_microseconds


class Checked(msgspec.Struct, frozen=True):
    """A result that is not in the ledger yet; ``at`` and ``bounds`` are its times in microseconds since 1970.

    ``compared`` is what Evidently's page is drawn from, None where there were too few rows to judge.
    """

    result: DriftResult
    at: int
    bounds: Bounds | None
    compared: Compared | None


class Check:
    """A check of one protocol's champion. ``protocol`` is the file's: its monitoring section is in force."""

    def __init__(self, protocol: Protocol, ledger: Ledger, store: Store) -> None:
        """Raises PulseError where there is no champion, or its bundle has no thresholds for this protocol."""
        from pulse_blocks.training.calm import window_text

        promotion = ledger.champion(protocol.name)
        if promotion is None:
            raise PulseError(
                "drift.no_champion",
                f"{protocol.name} has no model yet, so nothing can have drifted.",
                f"Train one: pulse run {protocol.name}.",
            )
        loaded = bundle.load(store, promotion.bundle, promotion.bundle_sha256)
        self._name, self._spec, self._ledger = protocol.name, protocol.monitoring, ledger
        self._model, self._snapshot = loaded.bundle.model, loaded.bundle.snapshot.id
        require_calibrated(self._spec, reference_of(loaded), window_text(self._spec.window), self._model)
        self._answers = ModelAnswers(ledger, store, self._model)
        self._windows = ModelWindows(loaded, self._spec, self._answers, store)

    def run(self, end: int | None = None) -> Checked:
        """Judge the window that ends at ``end`` (microseconds since 1970; None: after the newest row).

        Nothing is written. Raises PulseError where the reference sample is damaged, or a file of inferences that the
        window reaches into.
        """
        began = time.monotonic()
        newest = self._answers.newest_time()
        if end is None and newest is not None:
            end = newest + 1
        bounds = None if end is None else self._windows.bounds(end)
        counted = Counted(0, 0) if bounds is None else self._answers.count(*bounds)
        if bounds is None or counted.rows < self._spec.min_rows:
            return self._checked(bounds, counted, began)
        looked = self._windows.look(bounds)
        before = self._before(bounds) if looked.judged.drifted else ()
        return self._checked(bounds, counted, began, looked, before)

    def _before(self, bounds: Bounds) -> tuple[WindowFinding, ...]:
        """The windows before, as many as persistence asks for, until one was not drifted.

        Their rows are judged again; where they have been deleted, the check that was made then counts.
        """
        found: list[WindowFinding] = []
        for _ in range(self._spec.persistence - 1):
            earlier = self._windows.bounds(bounds[0])
            if earlier is None:
                break
            found.append(self._earlier(earlier))
            if not found[-1].drifted:
                break
            bounds = earlier
        return tuple(found)

    def _earlier(self, bounds: Bounds) -> WindowFinding:
        start, end = map(_time, bounds)
        rows = self._answers.count(*bounds).rows
        if rows >= self._spec.min_rows:
            looked = self._windows.look(bounds)
            share, drifted = looked.judged.share, looked.judged.drifted
            return WindowFinding(start=start, end=end, rows=rows, share=share, drifted=drifted)
        known = self._ledger.drift_check_of_window(self._model, self._name, *bounds)
        if known is None:
            return WindowFinding(start=start, end=end, rows=rows, share=None, drifted=None)
        then = from_json(known.result, DriftResult)
        return WindowFinding(
            start=then.window_start or start,
            end=then.window_end or end,
            rows=then.rows,
            share=then.share,
            drifted=then.drift,
            check=known.id,
        )

    def _checked(
        self,
        bounds: Bounds | None,
        counted: Counted,
        began: float,
        looked: Looked | None = None,
        before: tuple[WindowFinding, ...] = (),
    ) -> Checked:
        clock = now_us()
        verdict: Verdict = "too_few_rows"
        reasons: tuple[str, ...] = (self._too_few(counted.rows),)
        if looked is not None:
            alarm = self._ledger.last_drift_alarm(self._name)
            verdict, more = decide(self._spec, looked.judged, before, alarm.at if alarm else None, clock)
            reasons = (*looked.judged.reasons, *more)
        if counted.deleted:
            reasons = (*reasons, _deleted(counted.deleted))
        result = DriftResult(
            check=new_drift_check_id(),
            name=self._name,
            model=self._model,
            snapshot=self._snapshot,
            checked=_time(clock),
            window_start=_time(bounds[0]) if bounds else None,
            window_end=_time(bounds[1]) if bounds else None,
            rows=counted.rows,
            deleted=counted.deleted,
            used=looked.used if looked else 0,
            verdict=verdict,
            drift=looked is not None and looked.judged.drifted,
            action=self._spec.on_drift,
            share=looked.judged.share if looked else None,
            share_threshold=self._spec.features.share,
            features=looked.features if looked else {},
            prediction=looked.prediction if looked else None,
            performance=looked.performance if looked else None,
            quality=looked.quality if looked else None,
            before=before,
            reasons=reasons,
            seconds=round(time.monotonic() - began, 3),
        )
        return Checked(result, clock, bounds, looked.compared if looked else None)

    def _too_few(self, rows: int) -> str:
        if rows == 0:
            return f"{self._model} has answered nothing in this window."
        return f"The window has {rows:,} rows; nothing is decided below min_rows: {self._spec.min_rows:,}."


def _deleted(rows: int) -> str:
    return f"Up to {rows:,} rows of this window are missing: they were in files that retention has deleted."


def _time(microseconds: int) -> str:
    return iso(of_microseconds(microseconds))

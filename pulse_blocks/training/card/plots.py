"""The pictures of a model card, as small PNG files."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from pulse_blocks.training.card.facts import Drawing

_TOP = 20
_INK, _PALE, _OTHER = "#2563eb", "#9ca3af", "#d97706"
_SMALL = (4.2, 3.2)


def load() -> None:
    """Import what draws, which takes a second, while there is something else to wait for."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure  # noqa: F401


def pictures(drawing: Drawing) -> tuple[tuple[str, bytes], ...]:
    """Title and PNG of each picture that the model's task has."""
    return _pictures(msgspec.json.encode(drawing))


@functools.lru_cache(maxsize=1)  # a run shows them in Markdown, in HTML and in Prefect
def _pictures(data: bytes) -> tuple[tuple[str, bytes], ...]:
    return tuple(_each(msgspec.json.decode(data, type=Drawing)))


def _each(drawing: Drawing) -> Iterator[tuple[str, bytes]]:
    curves = drawing.curves
    if curves.roc is not None:
        roc = curves.roc
        yield "ROC", _drawn(lambda axes: _line(axes, roc, "false positive rate", "true positive rate", True))
    if curves.precision_recall is not None:
        recall = curves.precision_recall
        yield "Precision and recall", _drawn(lambda axes: _line(axes, recall, "recall", "precision", False))
    if curves.confusion is not None:
        yield "Confusion", _drawn(lambda axes: _confusion(axes, drawing))
    yield (
        "Calibration",
        _drawn(lambda axes: _line(axes, curves.calibration, "predicted", "observed", True, marker="o")),
    )
    yield "Feature importance", importance_png(drawing.importance)
    if drawing.history:
        yield "Learning curve", _drawn(lambda axes: _learning(axes, drawing))


def importance_png(importance: Mapping[str, float]) -> bytes:
    """The most important features (at most 20) as horizontal bars: each one's share of all gain, in percent."""
    return _importance(tuple(sorted(importance.items(), key=lambda item: (-item[1], item[0]))[:_TOP]))


@functools.lru_cache(maxsize=1)
def _importance(top: tuple[tuple[str, float], ...]) -> bytes:
    names, shares = [name for name, _ in top], [100 * share for _, share in top]

    def draw(axes: Any) -> None:
        bars = axes.barh(names, shares, color=_INK, height=0.7)
        axes.bar_label(bars, fmt="%.1f", padding=3, fontsize=8, color="#374151")
        axes.invert_yaxis()
        axes.set_title("Share of gain, %", loc="left", fontsize=10)
        axes.tick_params(axis="y", length=0, labelsize=8)
        axes.xaxis.set_visible(False)
        axes.margins(x=0.1, y=0.01)
        axes.spines[:].set_visible(False)

    return _drawn(draw, (6.4, 0.6 + 0.24 * len(top)))


def _line(axes: Any, curve: Any, x: str, y: str, diagonal: bool, marker: str | None = None) -> None:
    if diagonal:
        low, high = min(*curve.x, *curve.y), max(*curve.x, *curve.y)
        axes.plot([low, high], [low, high], color=_PALE, linewidth=1, linestyle="--")
    axes.plot(curve.x, curve.y, color=_INK, marker=marker, markersize=4)
    _labels(axes, x, y)


def _learning(axes: Any, drawing: Drawing) -> None:
    """The first metric, on held-out and, where there are any, on validation rows."""
    metric = next(iter(drawing.history))
    for name, label, colour in ((metric, "held out", _INK), (f"validation/{metric}", "validation", _OTHER)):
        if name in drawing.history:
            axes.plot(*zip(*drawing.history[name], strict=True), color=colour, label=label)
    axes.legend(frameon=False, fontsize=8)
    _labels(axes, "round", metric)


def _confusion(axes: Any, drawing: Drawing) -> None:
    counts = drawing.curves.confusion or ()
    axes.imshow([[count / max(sum(row), 1) for count in row] for row in counts], cmap="Blues", vmin=0, vmax=1)
    if len(counts) <= 12:
        for at, row in enumerate(counts):
            for to, count in enumerate(row):
                colour = "white" if count > sum(row) / 2 else "#374151"
                axes.text(to, at, f"{count}", ha="center", va="center", fontsize=7, color=colour)
        axes.set_xticks(range(len(counts)), drawing.classes, fontsize=7)
        axes.set_yticks(range(len(counts)), drawing.classes, fontsize=7)
    _labels(axes, "chosen", "true")


def _labels(axes: Any, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _drawn(draw: Callable[[Any], None], size: tuple[float, float] = _SMALL) -> bytes:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure.add_subplot())
    png = io.BytesIO()
    figure.savefig(png, format="png", metadata={"Software": None})
    return png.getvalue()

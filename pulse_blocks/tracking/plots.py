"""Pictures for MLflow's pages."""

from __future__ import annotations

import io
from collections.abc import Mapping

_TOP = 20


def importance_png(importance: Mapping[str, float]) -> bytes:
    """The most important features (at most 20) as horizontal bars: each one's share of all gain, in percent."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    top = sorted(importance.items(), key=lambda item: (-item[1], item[0]))[:_TOP]
    names, shares = [name for name, _ in top], [100 * share for _, share in top]
    figure = Figure(figsize=(8, 0.8 + 0.3 * len(top)), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    bars = axes.barh(names, shares, color="#2563eb", height=0.7)
    axes.bar_label(bars, fmt="%.1f", padding=3, fontsize=8, color="#374151")
    axes.invert_yaxis()
    axes.set_title("Feature importance: share of gain, %", loc="left", fontsize=11, fontweight="bold")
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.xaxis.set_visible(False)
    axes.margins(x=0.08, y=0.01)
    for side in axes.spines.values():
        side.set_visible(False)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()

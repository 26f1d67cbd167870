"""One text of metrics from those of several workers."""

from __future__ import annotations

from collections.abc import Iterable

# Gauges that count something; of any other one (a state, an identity) the greatest value tells.
_SUMMED = frozenset({"pulse_waiting_requests", "pulse_spool_waiting_rows"})
_HELP, _TYPE = "# HELP ", "# TYPE "


def merged(living: Iterable[str], dead: Iterable[str]) -> str:
    """Prometheus texts of workers as one. Of workers that died only what they have counted remains.

    Counters and histograms are added up, so that they never fall while the runtime runs.
    """
    heads: dict[str, list[str]] = {}
    samples: dict[str, dict[str, float]] = {}
    for text, lives in [*((text, True) for text in living), *((text, False) for text in dead)]:
        family, kind = "", ""
        for line in text.splitlines():
            if line.startswith(_HELP):
                family = line.split(" ", 3)[2]
                heads.setdefault(family, [line])
                samples.setdefault(family, {})
            elif line.startswith(_TYPE):
                kind = line.rsplit(" ", 1)[1]
                if len(heads[family]) == 1:
                    heads[family].append(line)
            elif lives or kind != "gauge":
                name, _, value = line.rpartition(" ")
                added = kind != "gauge" or family in _SUMMED
                _put(samples[family], name, float(value), added=added)
    lines = [
        line for family, head in heads.items() for line in (*head, *map(_sample, samples[family].items()))
    ]
    return "\n".join(lines) + "\n"


def _put(samples: dict[str, float], name: str, value: float, *, added: bool) -> None:
    before = samples.get(name)
    if before is None:
        samples[name] = value
    else:
        samples[name] = before + value if added else max(before, value)


def _sample(item: tuple[str, float]) -> str:
    name, value = item
    return f"{name} {int(value) if value.is_integer() else value}"

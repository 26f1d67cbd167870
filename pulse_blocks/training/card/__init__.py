"""The model card: what a model is, what it was made of and how good it is, for people.

``Card`` holds the facts; ``markdown`` and ``html`` render them with pictures inside.
"""

from __future__ import annotations

from pulse_blocks.training.card.facts import Card, Drawing, card, drawing
from pulse_blocks.training.card.html import html
from pulse_blocks.training.card.markdown import markdown

__all__ = ["Card", "Drawing", "card", "drawing", "html", "markdown"]

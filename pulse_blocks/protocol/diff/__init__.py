"""What changed between two protocols, and what each change means to whoever calls the model.

breaking    a request that was answered may now be refused, or a reply may say what it could not say before
compatible  every request that was answered still is, in the same terms; what the model learns may differ
cosmetic    words for people, or the same rule in other words
"""

from __future__ import annotations

from pulse_blocks.protocol.diff.change import Change, Impact
from pulse_blocks.protocol.diff.comparing import changes

__all__ = ["Change", "Impact", "changes"]

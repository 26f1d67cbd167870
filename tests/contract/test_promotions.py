"""Champions and their history, whatever database the ledger is kept in."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pulse_blocks.ledger import Ledger

Opener = Callable[[], Ledger]


def promote(ledger: Ledger, model: str, attempt: str | None = None, name: str = "m") -> str | None:
    """Promote and give back who was champion before."""
    return ledger.promote(
        name=name,
        model=model,
        bundle=f"bundles/{name}/1.json",
        bundle_sha256="0" * 64,
        version="1",
        run="run_1",
        attempt=attempt,
        reason="first",
        who="tester",
    ).previous


def test_who_was_champion_at_a_time_has_an_answer(ledger: Ledger) -> None:
    """Nobody before the first promotion; then the last one that had been made by then."""
    promote(ledger, "m@1.0.0-a")
    promote(ledger, "m@1.0.0-b")
    first, second = ledger.promotions("m")
    assert ledger.champion_at("m", first.at - 1) is None
    found = ledger.champion_at("m", second.at - 1) if second.at > first.at else first
    assert found == first
    assert ledger.champion_at("m", second.at) == second
    assert ledger.champion_at("other", second.at) is None


def test_nobody_is_champion_at_first(ledger: Ledger) -> None:
    """A name without promotions has no champion and no history."""
    assert ledger.champion("m") is None
    assert ledger.promotions("m") == []
    assert ledger.promoted_names() == []


def test_the_newest_promotion_of_a_name_is_its_champion(ledger: Ledger) -> None:
    """Names do not disturb each other, and each promotion names the one before."""
    assert promote(ledger, "m@1.0.0-aaaaaaa") is None
    assert promote(ledger, "n@1.0.0-aaaaaaa", name="n") is None
    assert promote(ledger, "m@1.0.0-bbbbbbb") == "m@1.0.0-aaaaaaa"
    champion = ledger.champion("m")
    assert champion is not None
    assert champion.model == "m@1.0.0-bbbbbbb"
    assert [p.model for p in ledger.promotions("m")] == ["m@1.0.0-aaaaaaa", "m@1.0.0-bbbbbbb"]
    assert ledger.promoted_names() == ["m", "n"]


def test_an_attempt_promotes_once(ledger: Ledger) -> None:
    """A repeated promotion gives back the first, moves nothing and emits no second event."""
    promote(ledger, "m@1.0.0-aaaaaaa", attempt="attempt_1")
    promote(ledger, "m@1.0.0-bbbbbbb", attempt="attempt_2")
    assert promote(ledger, "m@1.0.0-aaaaaaa", attempt="attempt_1") is None
    assert len(ledger.promotions("m")) == 2
    assert [event.event for event in ledger.unsent()] == ["pulse.model.promoted"] * 2


def test_many_promoters_make_one_straight_history(opener: Opener) -> None:
    """Of promotions at once each names the one before it: no fork, none lost."""

    def work(number: int) -> None:
        with opener() as ledger:
            for step in range(5):
                promote(ledger, f"m@1.0.0-{number}{step}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with opener() as ledger:
        history = ledger.promotions("m")
    assert len(history) == 20
    assert [p.previous for p in history] == [None, *(p.model for p in history[:-1])]

"""A report as a page for people: everything is on it, and no data become markup."""

from __future__ import annotations

from html.parser import HTMLParser

from pulse_blocks.records import ProtocolRef
from pulse_blocks.validation.html import report_html
from pulse_blocks.validation.report import Example, Report, RuleResult, TableResult

HOSTILE = "</code><script>alert(1)</script>&\"'<img src=x onerror=y>"


class Tags(HTMLParser):
    """The tags and the text of a page; raises for tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "onerror", "onclick"}
        if tag not in ("meta", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def report(text: str) -> Report:
    """A report in which every text that may come from data or a protocol is ``text``."""
    example = Example(row=4711, key={text: text, "empty": None}, value=text)
    return Report(
        snapshot="snap_9f2c41ab77e0",
        protocol=ProtocolRef(name=text, version="1.0.0", digest="d"),
        rows=10_000,
        quarantined=3,
        allowed=10,
        rules=(
            RuleResult(column=text, check=text, severity="error", rows=3, examples=(example, example)),
            RuleResult(column=text, check="not null", severity="warn", rows=0),
        ),
        checks=(TableResult(check=text, severity="warn", passed=False, message=text),),
    )


def test_all_that_was_found_is_on_the_page() -> None:
    """Counts, every example with its row and key, the rules on the table, and those that hold."""
    words = Tags(report_html(report("zone"))).words
    for part in (
        "9,997 accepted, 3 in quarantine",
        "row 4,711 (zone=zone, empty=null)",
        "does not hold",
        "not null",
    ):
        assert part in words
    assert words.count("row 4,711") == 2


def test_no_data_become_markup() -> None:
    """Whatever a row, a key or a name holds is shown as it is; the page has no script and loads nothing."""
    page = Tags(report_html(report(HOSTILE)))
    assert not {"script", "img", "link", "iframe"} & set(page.tags)
    assert HOSTILE in page.words

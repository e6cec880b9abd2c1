from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fsictl.infra.events import Diagnostic, decoded, from_text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["type", "hook", "diagnostic", "resource", "x"]), inner)
    ),
)


def test_a_diagnostic_says_where() -> None:
    line = (
        '{"@level":"error","diagnostic":{"severity":"error","summary":"No value","detail":" More. ","address":"a.b",'
        '"range":{"filename":"main.tf","start":{"line":2}}},"type":"diagnostic"}'
    )
    assert decoded(line) == Diagnostic("error", "No value", "More.", "a.b", "main.tf line 2")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text() | JSON.map(lambda value: __import__("json").dumps(value)))
def test_no_line_breaks_the_reader(line: str) -> None:
    decoded(line)


def test_errors_in_boxes_are_read() -> None:
    said = "╷\n│ Error: Backend initialization required\n│ \n│ Reason: changed\n╵\n"
    assert from_text(said) == Diagnostic("error", "Backend initialization required", "Reason: changed")
    assert from_text("").summary == "Terraform failed and did not say why"

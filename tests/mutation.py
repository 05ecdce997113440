"""Files that are nearly as they should be."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

GENTLY = settings(
    max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
"""Files are written anew for every example, so that all may lie in one folder. `tests.fuzz` searches further."""


def mutated(original: bytes) -> st.SearchStrategy[bytes]:
    """Draw bytes like the original, with pieces exchanged, cut out or put in; or any bytes."""
    piece = st.tuples(st.integers(0, len(original)), st.integers(0, 40), st.binary(max_size=20))

    def apply(pieces: list[tuple[int, int, bytes]]) -> bytes:
        content = original
        for start, length, put_in in pieces:
            content = content[:start] + put_in + content[start + length :]
        return content

    return st.lists(piece, min_size=1, max_size=4).map(apply) | st.binary(max_size=300)

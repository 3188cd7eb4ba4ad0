"""Inputs that are nearly right: good ones with a few pieces replaced, which get further into a
reader than noise does."""

from collections.abc import Sequence

from hypothesis import strategies as st

_LONGEST_CUT = 16
"""Bytes that one edit takes out at most; a whole good input is mostly kept."""


def mutants(seeds: Sequence[bytes], tokens: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """Each of `seeds` after up to five edits, that put `tokens` or noise in; sometimes nothing but
    noise."""
    pieces = st.binary(max_size=8) | st.sampled_from([b"", *tokens])

    @st.composite
    def edited(draw: st.DrawFn) -> bytes:
        content = draw(st.sampled_from(list(seeds)))
        for _ in range(draw(st.integers(0, 5))):
            start = draw(st.integers(0, len(content)))
            end = start + draw(st.integers(0, _LONGEST_CUT))
            content = (
                content[:start]
                + draw(pieces) * draw(st.sampled_from([1, 1, 1, 2, 100]))
                + content[end:]
            )
        return content[: draw(st.just(len(content)) | st.integers(0, len(content)))]

    return edited() | st.binary(max_size=200) | st.lists(pieces, max_size=20).map(b"".join)


def text_mutants(seeds: Sequence[str], tokens: Sequence[str] = ()) -> st.SearchStrategy[bytes]:
    """The same, of texts."""
    return mutants([seed.encode() for seed in seeds], [token.encode() for token in tokens])

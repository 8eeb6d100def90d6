"""What hypothesis draws: sentences of every script, and the synthetic model's parameters."""

from hypothesis import strategies as st

from tests.notebook import SENTENCE

SCRIPTS = st.sampled_from(
    [
        SENTENCE,
        "naïve café – Überraschung",
        "東京タワー",
        "привет мир",
        "السلام عليكم",
        "한국어 한",
        "🙂👩‍👩‍👧 x",
        "ﷺ İ ǆ ß",
    ]
)
UNICODE = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
SENTENCES = st.one_of(UNICODE, SCRIPTS, st.lists(SCRIPTS, min_size=2, max_size=3).map(" ".join))
"""Any text; some of it leaves no tokens."""

TEXTS = SENTENCES.map(lambda sentence: sentence + " a")
"""Any text that leaves tokens."""

SEEDS = st.integers(0, 2**63 - 1)
WIDTHS = st.integers(1, 48)

"""The page itself: a pad to draw on, the answer beside it, and one handler between them."""

from pathlib import Path
from typing import Final

import gradio as gr

from serving.client import Client
from ui.reading import NOTHING_DRAWN, Notice, read
from ui.view import render

TITLE: Final = "Inkwell"
_HERE: Final = Path(__file__).parent
_HEADER: Final = f"<header><h1>{TITLE}</h1><p>Draw a digit. A neural network reads it while you draw.</p></header>"
_AT_ONCE: Final = 8
"""Questions under way to the model server at one time."""
_WAITING: Final = 64
"""Questions that may wait for one of those places; more are turned away at once."""
_SWEEP: Final = (600, 600)
"""Seconds between two sweeps of the temporary folder, and the age of what they remove."""


def build(client: Client, retry: float = 2.0) -> gr.Blocks:
    """The page, ready to be served by `ui.serve`.

    Args:
        client: of the model server; asked from several threads.
        retry: seconds between two questions while there is trouble.
    """

    def answer(drawing: object) -> tuple[str, gr.Timer]:
        outcome = read(client, drawing)
        return render(outcome), gr.Timer(active=isinstance(outcome, Notice) and outcome.retry)

    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=_SWEEP) as page:
        gr.HTML(_HEADER, elem_id="header", apply_default_css=False)
        with gr.Row(elem_id="desk"):
            with gr.Column(min_width=280):
                pad = _pad()
            with gr.Column(min_width=280):
                panel = gr.HTML(render(NOTHING_DRAWN), elem_id="panel", apply_default_css=False)
        again = gr.Timer(retry, active=False)
        # One listener for all three, so that answers cannot overtake each other.
        gr.on(
            [pad.change, again.tick, page.load],
            answer,
            pad,
            [panel, again],
            trigger_mode="always_last",
            show_progress="hidden",
            api_visibility="private",
            concurrency_limit=_AT_ONCE,
        )
    return page.queue(max_size=_WAITING, api_open=False)


def _pad() -> gr.HTML:
    return gr.HTML(
        "",
        html_template=(_HERE / "pad.html").read_text(encoding="utf-8"),
        js_on_load=(_HERE / "pad.js").read_text(encoding="utf-8"),
        elem_id="pad",
        apply_default_css=False,
    )

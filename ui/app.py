"""The page itself: a pad to draw on, the answer beside it, and one handler between them."""

import datetime
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, Final, TypeVar

import gradio as gr

from serving.client import Client
from ui.answers.compare import Comparer
from ui.answers.correct import correct
from ui.answers.drawing import Sheet
from ui.answers.feature_maps import ask as ask_feature_maps
from ui.answers.occlusion import ask as ask_occlusion
from ui.answers.polled import Polled
from ui.answers.reading import NOTHING_DRAWN, Notice, read, take
from ui.corrections import Corrections
from ui.markup.feature_maps_figure import render as render_feature_maps
from ui.markup.occlusion_figure import render as render_occlusion
from ui.markup.snippets import Snippets
from ui.markup.view import render

TITLE: Final = "Inkwell"
_HERE: Final = Path(__file__).parent
DESCRIPTION: Final = "Draw a digit. A neural network reads it while you draw."
_HEADER: Final = f"<header><h1>{TITLE}</h1><p>{DESCRIPTION}</p></header>"
SCRIPTS: Final = _HERE / "pad"
"""The modules of the page's scripts, served as they are below /pad/."""
_SEVERAL: Final = '<span class="several" hidden></span>'
"""Shows the choice *Compare models*; see ui/page.css."""
_HAS_FEATURE_MAPS: Final = '<span class="layered" hidden></span>'
"""Shows the button *Inside the network*; see ui/answer.css."""
_AT_ONCE: Final = 8
"""Questions under way to the model server at one time."""
_ON_DEMAND_AT_ONCE: Final = 2
"""Of each button's; an occlusion is a batch of about a hundred images."""
_WAITING: Final = 64
"""Most questions in Gradio's queue; `ui.web.questions` lets fewer in, and others wait there."""
_QUIET: Final[dict[str, Any]] = {
    "trigger_mode": "always_last",
    "show_progress": "hidden",
    "api_visibility": "private",
}
"""Every listener: the last of quick events counts, and nothing is shown or offered besides."""
_SWEEP: Final = (600, 600)
"""Seconds between two sweeps of the temporary folder, and the age of what they remove."""
Found = TypeVar("Found")


def build(
    client: Client,
    comparer: Comparer,
    asked: Snippets,
    corrections: Corrections | None = None,
    retry: float = 2.0,
) -> gr.Blocks:
    """The page, ready to be served by `ui.serve`.

    Args:
        client: of the model server; asked from several threads.
        comparer: of the same server.
        asked: how other programs ask the same model.
        corrections: where corrected drawings are kept; None to offer no corrections.
        retry: seconds between two questions while there is trouble.
    """
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=_SWEEP) as page:
        gr.HTML(_HEADER, elem_id="header", apply_default_css=False)
        with gr.Row(elem_id="desk"):
            with gr.Column(min_width=280):
                pad = _component("pad/pad.html", "start")
            with gr.Column(min_width=280):
                panel = gr.HTML(render(NOTHING_DRAWN), elem_id="panel", apply_default_css=False)
                _component("mind.html", "mind")
                on_demand = _offer_more(client)
                _component("take.html", "take", asked.to_json())
                offered = _offer_corrections() if corrections else None
        _component("history.html")
        again = gr.Timer(retry, active=False)
        # One listener for all three, so that answers cannot overtake each other.
        gr.on(
            [pad.change, again.tick, page.load],
            _answerer(client, comparer),
            pad,
            [panel, again],
            concurrency_limit=_AT_ONCE,
            **_QUIET,
        )
        for button, shown, answer in on_demand:
            button.change(
                answer, [pad, button], shown, concurrency_limit=_ON_DEMAND_AT_ONCE, **_QUIET
            )
        if corrections and offered:
            said, kept = offered
            said.change(_keeper(client, corrections), [pad, said], kept, **_QUIET)
    return page.queue(max_size=_WAITING, api_open=False)


def _offer_more(
    client: Client,
) -> list[tuple[gr.HTML, gr.HTML, Callable[[object, object], str]]]:
    """The buttons that ask for more about the drawing, where each answer is shown, and what gives
    it."""
    with gr.Row(elem_id="on_demand"):
        wish = _component("occlusion.html", "demand")
        look = _component("feature_maps.html", "maps")
    parts = gr.HTML("", elem_id="occluded", apply_default_css=False)
    layers = gr.HTML("", elem_id="layers", apply_default_css=False)
    return [
        (wish, parts, _on_demand(client, ask_occlusion, render_occlusion)),
        (look, layers, _on_demand(client, ask_feature_maps, render_feature_maps)),
    ]


def _answerer(client: Client, comparer: Comparer) -> Callable[[object], tuple[str, gr.Timer]]:
    """The handler of a drawing: what the panel shows, and whether to ask again soon."""
    has_feature_maps = Polled(client.has_feature_maps)

    def answer(sent: object) -> tuple[str, gr.Timer]:
        sheet = take(sent)
        outcome = sheet if isinstance(sheet, Notice) else read(client, comparer, sheet)
        number = 0 if isinstance(sheet, Notice) else sheet.number
        again = isinstance(outcome, Notice) and outcome.retry
        shown = render(outcome, number)
        shown += _SEVERAL if comparer.has_choice(may_ask=not again) else ""
        shown += _HAS_FEATURE_MAPS if has_feature_maps.get(may_ask=not again) else ""
        return shown, gr.Timer(active=again)

    return answer


def _on_demand(
    client: Client,
    ask: Callable[[Client, Sheet], Found | Notice],
    render: Callable[[Found | Notice, int], str],
) -> Callable[[object, object], str]:
    """The handler of a button that asks for more about the drawing."""

    def answer(sent: object, _clicks: object) -> str:
        sheet = take(sent)
        if isinstance(sheet, Notice):
            return render(sheet, 0)
        return render(ask(client, sheet), sheet.number)

    return answer


def _offer_corrections() -> tuple[gr.HTML, gr.HTML]:
    """The ten digits to click on, and where it says what came of it."""
    return _component("correct.html", "correct"), gr.HTML(
        "", elem_id="kept", apply_default_css=False
    )


def _keeper(client: Client, corrections: Corrections) -> Callable[[object, object], str]:
    """The handler of a click on one of the ten digits."""

    def keep(sent: object, said: object) -> str:
        sentence = correct(
            client, corrections, sent, said, datetime.datetime.now(datetime.UTC).date()
        )
        return f'<p role="status">{escape(sentence)}</p>'

    return keep


def _component(template: str, module: str | None = None, value: str = "") -> gr.HTML:
    """A part of the page: an HTML file, whose name is the part's, the module that starts it, and
    what that module reads."""
    place = Path(template)
    load = f'import(new URL("pad/{module}.js", document.baseURI))'
    return gr.HTML(
        value,
        html_template=(_HERE / place).read_text(encoding="utf-8"),
        js_on_load=f"{load}.then(({{ start }}) => start(element, props));" if module else "",
        elem_id=place.stem,
        apply_default_css=False,
    )

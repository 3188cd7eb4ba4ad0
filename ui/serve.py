"""Runs the page: Gradio with everything off that this page does not need, behind the allow-list, on
one socket."""

import socket
from contextlib import closing
from pathlib import Path
from typing import Final

import gradio as gr
import uvicorn
from fastapi import FastAPI, HTTPException
from fastapi.responses import FileResponse
from starlette.middleware.gzip import GZipMiddleware

from serving.client import Access, connect
from ui.answers.accuracy import accuracy_in
from ui.answers.compare import Comparer
from ui.app import DESCRIPTION, SCRIPTS, TITLE, build
from ui.corrections import Corrections
from ui.markup.snippets import snippets
from ui.settings import PageSettings
from ui.web.address import url
from ui.web.allow_list import AllowList
from ui.web.connections import bounded_protocol
from ui.web.document import Document
from ui.web.origin import Origins
from ui.web.sessions import Sessions

_HERE: Final = Path(__file__).parent
_GRACE: Final = 1
"""Seconds that open connections get at the end; browsers hold one open all the time."""
_SMALL: Final = 1000
"""Bytes; what is smaller is not worth compressing."""
_FONTS: Final = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")
"""Only what machines have; nothing is loaded from the internet."""


def serve(settings: PageSettings, listener: socket.socket) -> None:
    """Serve the page on `listener` until the process is told to end."""
    access = settings.access()
    names = (settings.model, *settings.compare)
    accuracy = accuracy_in(settings.models)
    comparer = Comparer(settings.server, names, settings.deadline, access, accuracy)
    corrections = (
        Corrections(settings.corrections, settings.corrections_megabytes, settings.model)
        if settings.corrections
        else None
    )
    with (
        connect(
            settings.server, model=settings.model, deadline=settings.deadline, access=access
        ) as client,
        closing(comparer),
    ):
        asked = snippets(settings.server, settings.model, has_access=access != Access())
        page = build(client, comparer, asked, corrections, settings.retry)
        application = harden(page, Origins({*settings.hosts, settings.host}))
        server = uvicorn.Server(
            uvicorn.Config(
                application,
                http=bounded_protocol(),  # type: ignore[arg-type]  # made by calling it, as a class is
                forwarded_allow_ips=list(settings.proxies),
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        print(f"The page is at {url(listener)} and asks {settings.server}", flush=True)
        server.run(sockets=[listener])


def harden(page: gr.Blocks, origins: Origins) -> AllowList:
    """The page as an application that offers nothing else, to nobody but `origins`.

    Source: the advisories on Gradio since 2023, whose classes are files and web addresses fetched
    for a caller, uploads without a bound, and features that an environment variable turns on.
    """
    sessions = Sessions(page)
    inner = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    scripts = {script.name: script for script in sorted(SCRIPTS.glob("*.js"))}

    @inner.get("/pad/{name}")
    def script(name: str) -> FileResponse:
        if name not in scripts:
            raise HTTPException(404)
        return FileResponse(
            scripts[name], media_type="text/javascript", headers={"cache-control": "no-cache"}
        )

    gr.mount_gradio_app(
        inner,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        allowed_paths=[],
        blocked_paths=[str(Path.cwd().resolve())],
        favicon_path=str(_HERE / "icon.svg"),
        show_error=False,
        max_file_size="1kb",  # nothing is uploaded; the allow-list closes the route too
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=_theme(),
        css_paths=[_HERE / "page.css", _HERE / "answer.css"],
    )
    sessions.spare_configurations()
    inputs = [len(listener.inputs) for listener in page.fns.values()]
    document = Document(inner, TITLE, DESCRIPTION, [f"pad/{name}" for name in scripts])
    return AllowList(GZipMiddleware(document, minimum_size=_SMALL), inputs, origins, sessions)


def _theme() -> gr.themes.Base:
    return gr.themes.Base(font=_FONTS, font_mono=("ui-monospace", "monospace")).set(
        body_background_fill="#f4f3ef",
        body_background_fill_dark="#13161c",
        background_fill_primary="*body_background_fill",
    )

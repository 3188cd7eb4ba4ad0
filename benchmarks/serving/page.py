"""The record as a page to read, and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from benchmarks.serving.record import Scenario, ServingResult
from trainer.reports.markdown import table

_TITLE: Final = "# How fast the embedded server answers"


def write(result: ServingResult) -> str:
    """The whole record as Markdown."""
    closed_rows = [
        [
            s.server,
            s.protocol,
            s.request,
            str(s.clients),
            f"{s.throughput_per_s:,.0f}",
            f"{s.digits_per_s:,.0f}",
            *_latencies(s),
            str(s.errors),
        ]
        for s in result.scenarios
        if s.clients
    ]
    open_rows = [
        [
            s.server,
            s.protocol,
            s.request,
            f"{s.rate:,.0f}",
            f"{s.throughput_per_s:,.0f}",
            *_latencies(s),
            str(s.refused),
            str(s.errors),
        ]
        for s in result.scenarios
        if s.rate
    ]
    aims = [
        [
            a.text,
            a.wanted,
            f"{a.measured:.2f}",
            f"{a.least:.2f}–{a.most:.2f}",
            "yes" if a.kept else "no",
        ]
        for a in result.aims
    ]
    latencies = ["p50 ms", "p90", "p99", "p99.9"]
    lines = [
        f"{_TITLE}\n\n{result.model}. {result.remark} Made on {result.machine} by "
        f"`{result.command}`.",
        table(["aim", "wanted", "measured", "rounds", "kept"], aims, words=(0, 1)),
        "Callers that each wait for their answer:",
        table(
            [
                "server",
                "protocol",
                "request",
                "clients",
                "answers/s",
                "digits/s",
                *latencies,
                "errors",
            ],
            closed_rows,
            words=(0, 1, 2),
        ),
        "Calls at the instants of a Poisson process, latency from the intended instant:",
        table(
            [
                "server",
                "protocol",
                "request",
                "calls/s",
                "answers/s",
                *latencies,
                "refused",
                "errors",
            ],
            open_rows,
            words=(0, 1, 2),
        ),
        f"Ready after {_list(result.ready_s)} s; a new version answers after "
        f"{_list(result.visible_s)} s, up to 1 s of it until seen.",
    ]
    if memory := result.memory:
        least, most = min(memory.mib[1:]), max(memory.mib[1:])
        lines.append(
            f"Memory over {memory.minutes:g} minutes and {memory.calls:,} calls ({memory.errors} "
            f"failed): {least:,.0f} to {most:,.0f} MiB."
        )
    return "\n\n".join(lines) + "\n"


def _latencies(scenario: Scenario) -> list[str]:
    return [
        f"{value:.1f}"
        for value in (scenario.p50_ms, scenario.p90_ms, scenario.p99_ms, scenario.p999_ms)
    ]


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def draw(scenarios: Sequence[Scenario], path: Path) -> None:
    """Digits a second by number of clients, one panel a kind of request."""
    requests = ["image", "batch64", "png"]
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    for axes, request in zip(figure.subplots(1, len(requests)), requests, strict=True):
        chosen = [s for s in scenarios if s.request == request and s.clients]
        for server, protocol in dict.fromkeys((s.server, s.protocol) for s in chosen):
            points = [
                (s.clients, s.digits_per_s)
                for s in chosen
                if (s.server, s.protocol) == (server, protocol)
            ]
            axes.plot(
                *zip(*points, strict=True),
                marker="o",
                label=protocol if server == "none" else f"{server}, {protocol}",
            )
        axes.set(title=request, xlabel="clients", xscale="log")
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7)
    figure.axes[0].set_ylabel("digits a second")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)

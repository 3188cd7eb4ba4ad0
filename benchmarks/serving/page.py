"""The record as a page to read, and as a picture."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from benchmarks.serving.record import Aim, Scenario, ServingResult
from trainer.reports.markdown import table
from trainer.reports.plot_style import INK, new_figure, save

_TITLE: Final = "# How fast the embedded server answers"
_ASKED: Final = ("server", "protocol", "request")
_REQUESTS: Final = {
    "image": "one image a call",
    "batch64": "64 images a call",
    "png": "one drawing a call",
}
_SERVERS: Final = {"none": "no server"}
_STYLES: Final = {"grpc": "-", "rest": "--", "in-process": ":"}
_COLOURS: Final = ("#5F5F5F", "#E69F00", "#0072B2", "#009E73", "#CC79A7", "#D55E00", "#56B4E9")
"""Source: Okabe and Ito, Color Universal Design, 2008, but for the first."""
_LATENCIES: Final = ("p50 ms", "p90", "p99", "p99.9")


def write(result: ServingResult) -> str:
    """The whole record as Markdown."""
    parts = [
        f"{_TITLE}\n\n{result.model}. {result.remark} Made on {result.machine} by "
        f"`{result.command}`.",
        _aims(result.aims),
        "Callers that each wait for their answer:",
        _closed_loops([scenario for scenario in result.scenarios if scenario.clients]),
        "Calls at the instants of a Poisson process, latency from the intended instant:",
        _open_loops([scenario for scenario in result.scenarios if scenario.rate]),
        f"Ready after {_list(result.ready_s)} s; a new version answers after "
        f"{_list(result.visible_s)} s, up to 1 s of it until seen.",
    ]
    if memory := result.memory:
        least, most = min(memory.mib[1:]), max(memory.mib[1:])
        parts.append(
            f"Memory over {memory.minutes:g} minutes and {memory.calls:,} calls ({memory.errors} "
            f"failed): {least:,.0f} to {most:,.0f} MiB."
        )
    return "\n\n".join(parts) + "\n"


def _aims(aims: Sequence[Aim]) -> str:
    return table(
        ["aim", "wanted", "measured", "rounds", "kept"],
        [
            [
                aim.text,
                aim.wanted,
                f"{aim.measured:.2f}",
                f"{aim.least:.2f}–{aim.most:.2f}",
                "yes" if aim.kept else "no",
            ]
            for aim in aims
        ],
        words=(0, 1),
    )


def _closed_loops(scenarios: Sequence[Scenario]) -> str:
    return table(
        [*_ASKED, "clients", "answers/s", "digits/s", *_LATENCIES, "errors"],
        [
            [
                *_asked(scenario),
                str(scenario.clients),
                f"{scenario.throughput_per_s:,.0f}",
                f"{scenario.digits_per_s:,.0f}",
                *_latencies(scenario),
                str(scenario.errors),
            ]
            for scenario in scenarios
        ],
        words=(0, 1, 2),
    )


def _open_loops(scenarios: Sequence[Scenario]) -> str:
    return table(
        [*_ASKED, "calls/s", "answers/s", *_LATENCIES, "refused", "errors"],
        [
            [
                *_asked(scenario),
                f"{scenario.rate:,.0f}",
                f"{scenario.throughput_per_s:,.0f}",
                *_latencies(scenario),
                str(scenario.refused),
                str(scenario.errors),
            ]
            for scenario in scenarios
        ],
        words=(0, 1, 2),
    )


def _asked(scenario: Scenario) -> list[str]:
    return [scenario.server, scenario.protocol, scenario.request]


def _latencies(scenario: Scenario) -> list[str]:
    return [
        f"{value:.1f}"
        for value in (scenario.p50_ms, scenario.p90_ms, scenario.p99_ms, scenario.p999_ms)
    ]


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)


def draw(scenarios: Sequence[Scenario], path: Path) -> None:
    """Write `plot` as a PNG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save(plot(scenarios), path)


def plot(scenarios: Sequence[Scenario]) -> Figure:
    """Digits a second by number of clients, one panel a kind of request. A colour is one server in
    all panels, a line style one protocol."""
    chosen = [scenario for scenario in scenarios if scenario.clients]
    servers = dict.fromkeys(scenario.server for scenario in chosen)
    colours = dict(zip(servers, itertools.cycle(_COLOURS), strict=False))
    figure, panels = new_figure(len(_REQUESTS), width=12.0, height=4.6)
    for axes, (request, title) in zip(panels, _REQUESTS.items(), strict=True):
        for (server, protocol), points in _lines(chosen, request).items():
            axes.plot(
                *zip(*points, strict=True),
                color=colours[server],
                linestyle=_STYLES[protocol],
                marker="o",
                markersize=4,
                linewidth=2,
                label=f"{_SERVERS.get(server, server)}, {protocol}",
            )
        axes.set_title(title, loc="left", color=INK, fontweight="bold")
        axes.set_xlabel("clients at a time", color=INK)
        axes.set_xscale("log")
        axes.set_xticks(sorted({scenario.clients or 0 for scenario in chosen}))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_ylim(bottom=0)
    panels[0].set_ylabel("digits answered a second", color=INK)
    known = {line.get_label(): line for axes in panels for line in axes.get_lines()}
    figure.legend(
        known.values(), known, loc="outside lower center", ncols=3, frameon=False, labelcolor=INK
    )
    return figure


def _lines(
    scenarios: Sequence[Scenario], request: str
) -> dict[tuple[str, str], list[tuple[int, float]]]:
    """Clients and digits a second of each server and protocol."""
    lines: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for one in scenarios:
        if one.request == request and one.clients:
            lines.setdefault((one.server, one.protocol), []).append((one.clients, one.digits_per_s))
    return lines

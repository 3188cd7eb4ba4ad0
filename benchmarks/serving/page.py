"""The record as a page to read, and as a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure

from benchmarks.serving.record import Aim, Scenario, ServingResult
from trainer.reports.markdown import table

_TITLE: Final = "# How fast the embedded server answers"
_ASKED: Final = ("server", "protocol", "request")
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

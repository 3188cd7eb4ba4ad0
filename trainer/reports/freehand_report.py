"""The part of a report that says how well drawings are read: by pen, size, place and so on, and the
mistakes that remain."""

from collections.abc import Mapping
from pathlib import Path

from trainer.data.arrays import Images
from trainer.evaluation.freehand_score import FreehandScore
from trainer.evaluation.result import NetworkResult, Run
from trainer.reports.gallery import mistakes_gallery
from trainer.reports.markdown import between, table
from trainer.reports.results import GALLERY, PLOTS

EXPLANATION = (
    "Digits are traced, painted with every combination of these pens, sizes, places and troubles, "
    "encoded, and read by the graph that is "
    "exported. What is drawn is always the same, so that networks and versions can be compared."
)


FORMS_EXPLANATION = (
    "Synthetic handwriting, in forms of digits that MNIST has few or none of; the random seed is "
    "not that of the drawings that networks are trained on."
)


def draw(run: Run, images: Mapping[str, Images], folder: Path) -> None:
    """Write the gallery of each network's mistakes into `folder`, which exists.

    Args:
        run: what was measured.
        images: uint8 [n, 28, 28], by the name "freehand" what the networks saw of the drawings,
            where there are any.
        folder: of the pictures.
    """
    for network in run.networks:
        if network.freehand:
            gallery(
                network.freehand,
                images["freehand"],
                run.labels,
                f"{network.architecture}, drawings",
                folder / _gallery_file(network),
            )


def gallery(
    score: FreehandScore, seen: Images, labels: tuple[str, ...], title: str, path: Path
) -> None:
    """Draw the most confident mistakes as the network saw them; nothing is written where there are
    none."""
    path.unlink(missing_ok=True)
    if score.mistakes:
        mistakes_gallery(
            score.mistakes, seen, labels, f"{title}: its most confident mistakes", path
        )


def compose(run: Run) -> list[str]:
    """The section as Markdown; its pictures lie in the folder `plots` beside the page. Empty where
    nothing was drawn."""
    scores = {
        network.architecture: network.freehand for network in run.networks if network.freehand
    }
    forms = {network.architecture: network.forms for network in run.networks if network.forms}
    if not scores:
        return []
    return [
        "## How well it reads what people draw",
        EXPLANATION,
        compare(scores),
        *([FORMS_EXPLANATION, compare(forms)] if forms else []),
        *(
            f"![What {network.architecture} saw of the drawings it reads "
            f"wrong]({PLOTS}/{_gallery_file(network)})"
            for network in run.networks
            if network.freehand and network.freehand.mistakes
        ),
    ]


def compare(scores: Mapping[str, FreehandScore]) -> str:
    """A table of scores, by the name of what was scored: a row for all drawings, then one for each
    level of each factor."""
    rows = [
        [
            "all",
            *(f"**{score.accuracy:.4f}** ({between(score.interval)})" for score in scores.values()),
        ]
    ]
    every = [
        (factor, level)
        for score in scores.values()
        for factor, levels in score.factors.items()
        for level in levels
    ]
    for factor, level in dict.fromkeys(every):
        found = [score.factors.get(factor, {}).get(level) for score in scores.values()]
        rows.append(
            [
                f"{factor}: {level}",
                *(f"{one.accuracy:.4f} of {one.images}" if one else "–" for one in found),
            ]
        )
    return table(["drawings", *scores], rows)


def _gallery_file(network: NetworkResult) -> str:
    return f"{GALLERY}{network.architecture}-freehand.png"

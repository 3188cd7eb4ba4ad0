"""Settings of the trainer: every choice of a run, with its unit and default."""

import os
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal

from pydantic import AfterValidator, Field, model_validator

from digits.contract import MODEL_NAME
from digits.settings import CommaSeparated, Settings
from trainer.data.dataset import MNIST
from trainer.data.pixels import Conversion
from trainer.recipes import FINE_TUNE, RECIPES, Recipe

ArchitectureName = Literal["conv3", "conv5", "conv7", "allconv"]
OVERRIDES: Final = ("epochs", "batch_size", "learning_rate", "forms")
"""Settings that override the recipe's."""
DRAWINGS_FOLDER: Final = "drawings"
"""Name of the folder, beside those of runs, that keeps drawings."""
Precision = Literal["auto", "float32", "bfloat16"]


def _known_recipe(name: str) -> str:
    if name not in RECIPES:
        raise ValueError(f"one of {', '.join(RECIPES)}")
    return name


class TrainerSettings(Settings):
    """Train the networks on handwritten digits, choose the best by validation, export and publish
    it.

    Every setting is a flag, an environment variable (INKWELL_ and its name in capitals), or a line
    of a TOML file.
    """

    program: ClassVar[str] = "python -m trainer"
    env_prefix: ClassVar[str] = "INKWELL_"

    data: Path | None = Field(
        default=None,
        description="data set: an .npz file in Keras' layout, a folder with the four IDX files, "
        "or one with a folder of PNGs or JPEGs a label; default: the variable DIGITS_DATA, else "
        "Keras' cache, else download",
    )
    dataset: str = Field(
        default=MNIST,
        pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$",
        description="name of the data set; mnist demands MNIST's exact content, any other name "
        "takes any 28x28 set",
    )
    labels: Annotated[tuple[str, ...] | None, CommaSeparated] = Field(
        default=None,
        min_length=2,
        max_length=256,
        description="text of each class, separated by commas; default: as the data set has them",
    )
    invert: bool | None = Field(
        default=None,
        description="invert a set with dark ink on bright paper; --no-invert takes it as it is; "
        "default: refuse such a set",
    )
    range: int | None = Field(
        default=None,
        ge=1,
        le=2**32 - 1,
        description="pixel value of full brightness, scaled to 255; default: 255, or 65535 in "
        "16-bit images",
    )
    alpha: Literal["ink", "black", "white"] | None = Field(
        default=None,
        description="what transparency in images means: ink: what is opaque; black or white: the "
        "paper below; default: ink where it has one colour, else refused",
    )
    architectures: Annotated[tuple[ArchitectureName, ...], CommaSeparated] = Field(
        default=("conv3", "conv5", "conv7"),
        min_length=1,
        description="networks to train, separated by commas: conv3, conv5, conv7; allconv: a small "
        "one for targets (--teachers), which is never published",
    )
    recipe: Annotated[str, AfterValidator(_known_recipe)] = Field(
        default="best",
        description="training recipe: "
        + "; ".join(f"{name}: {recipe.summary}" for name, recipe in RECIPES.items()),
    )
    teachers: Annotated[tuple[Path, ...], CommaSeparated] = Field(
        default=(),
        description="for a recipe that distils: run folders whose finished networks are the "
        "teachers, or folders of published versions, separated by commas; default: the run of the "
        "teachers' recipe with the same seed, which is trained first where it is missing. For "
        "fine-tune: teachers beside the served version; default: none",
    )
    corrections: Path | None = Field(
        default=None,
        description="for the recipe fine-tune: folder in which the page keeps corrected drawings",
    )
    drawings: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="number of the data set's own training images that are traced, drawn with a "
        "synthetic pen and added; see forms for new shapes",
    )
    epochs: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="passes over the training images; default: the recipe's",
    )
    batch_size: int | None = Field(
        default=None, ge=1, le=65_536, description="batch size in images; default: the recipe's"
    )
    learning_rate: float | None = Field(
        default=None,
        gt=0,
        le=1,
        allow_inf_nan=False,
        description="peak learning rate of the optimizer; default: the recipe's",
    )
    forms: int | None = Field(
        default=None,
        ge=0,
        le=1_000_000,
        description="number of drawings of synthetic handwriting, in shapes of digits that MNIST "
        "lacks, that are added to the training images; default: the recipe's",
    )
    validation_size: int = Field(
        default=5_000, ge=1, le=1_000_000, description="training images set aside for validation"
    )
    seed: int = Field(
        default=1,
        ge=0,
        le=2**31 - 1,
        description="decides initial weights, dropout and the order of the images",
    )
    data_seed: int = Field(
        default=1,
        ge=0,
        le=2**31 - 1,
        description="decides which images validate and how images are augmented; the same for runs "
        "to be compared",
    )
    deterministic: bool = Field(
        default=False,
        description="the same weights, bit for bit, from every run on the same machine; slower",
    )
    precision: Precision = Field(
        default="auto",
        description="arithmetic of the training: auto takes bfloat16 where the hardware has it, "
        "else float32; exports are float32",
    )
    export_precision: Literal["float32", "bfloat16"] = Field(
        default="float32",
        description="arithmetic of the published version: bfloat16 is faster where the processor "
        "has it, and less precise; the reported accuracy is measured with it",
    )
    device: Literal["auto", "cpu", "gpu"] = Field(
        default="auto",
        description="auto takes a GPU where there is one; gpu stops where there is none; cpu "
        "never uses one",
    )
    strategy: Literal["auto", "none", "mirrored", "multiworker"] = Field(
        default="auto",
        description="devices that share each batch: mirrored: the GPUs of this machine; "
        "multiworker: the machines that TF_CONFIG names; "
        "auto: those machines where it names several, else one device; none: one device alone",
    )
    run_dir: Path | None = Field(
        default=None,
        description="folder of the run: checkpoints, logs, metrics, report; default: "
        "runs/RECIPE-seedN; an unfinished run is resumed",
    )
    models: Path = Field(
        default=Path("models"),
        description="folder of published models; a version is models/NAME/NUMBER",
    )
    model_name: str = Field(
        default=MODEL_NAME,
        pattern=r"^[A-Za-z0-9_-]{1,64}$",
        description="name the chosen network is published under",
    )
    publish: Literal["best", "all", "none"] = Field(
        default="all",
        description="best: the chosen network as MODEL_NAME; all: each network under its own name "
        "too; none: publish nothing",
    )
    ensemble: bool = Field(
        default=False,
        description="offer the mean of the trained networks as one model too; it is chosen, "
        "recorded and published like them",
    )
    publish_only: bool = Field(
        default=False, description="publish from a finished run; stop if the run is not finished"
    )
    force: bool = Field(
        default=False,
        description="serve the new version even if it is worse than the served one, or answers "
        "otherwise",
    )
    record: Path | None = Field(
        default=None,
        description="folder to record the measured results in (training.json and plots)",
    )

    @model_validator(mode="after")
    def _each_network_once(self) -> "TrainerSettings":
        if not self.architectures or len(set(self.architectures)) != len(self.architectures):
            raise ValueError("at least one architecture, and each once")
        return self

    @model_validator(mode="after")
    def _publish_what_is_served(self) -> "TrainerSettings":
        if "allconv" in self.architectures and self.publish != "none":
            raise ValueError("publish none with the architecture allconv, which is never served")
        return self

    @model_validator(mode="after")
    def _record_what_was_trained(self) -> "TrainerSettings":
        if self.record and self.export_precision != "float32":
            raise ValueError(
                "results recorded of float32 exports, so that they can be compared; leave out "
                "record or export_precision"
            )
        return self

    @model_validator(mode="after")
    def _teachers_where_they_count(self) -> "TrainerSettings":
        if self.teachers and self.recipe != FINE_TUNE and not self.chosen_recipe().teachers:
            raise ValueError("teachers for a recipe that distils, or fine-tune, and for no other")
        return self

    @model_validator(mode="after")
    def _extra_images_where_they_count(self) -> "TrainerSettings":
        if self.corrections is not None and self.recipe != FINE_TUNE:
            raise ValueError("corrections for the recipe fine-tune, and for no other")
        given = self.corrections is not None or self.drawings > 0
        if self.recipe == FINE_TUNE and not given and not self.chosen_recipe().forms:
            raise ValueError("corrections, drawings or forms for the recipe fine-tune")
        return self

    def conversion(self) -> Conversion:
        """How the pixels of the data set are converted."""
        return Conversion(self.invert, self.range, self.alpha)

    def chosen_recipe(self) -> Recipe:
        """The recipe with the overrides applied."""
        overrides = {
            name: getattr(self, name) for name in OVERRIDES if getattr(self, name) is not None
        }
        return RECIPES[self.recipe].model_copy(update=overrides)

    def folder(self) -> Path:
        """The run's folder."""
        return self.run_dir or Path("runs") / f"{self.recipe}-seed{self.seed}"

    def drawings_folder(self) -> Path:
        """Keeps drawings that take minutes to make, for all runs that lie beside this one."""
        return self.folder().parent / DRAWINGS_FOLDER


def data_or_default(named: Path | None) -> Path | None:
    """The data set that was named, else that of the variable DIGITS_DATA, else none. For programs
    only: it reads the environment."""
    default = os.environ.get("DIGITS_DATA")
    return Path(default) if named is None and default else named

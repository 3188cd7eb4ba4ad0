"""Choose the reader by what a file or folder is: .npz, IDX files, folders of images."""

from pathlib import Path

from trainer.data.arrays import Found
from trainer.data.idx import find_idx_folder, read_idx_folder
from trainer.data.image_folders import read_image_folders
from trainer.data.npz import read_npz
from trainer.data.pixels import NONE_ASKED_FOR, Conversion
from trainer.errors import DataError


def read_source(source: Path, conversion: Conversion = NONE_ASKED_FOR) -> Found:
    """Read a file or folder in whichever of the layouts it has.

    Args:
        source: which.
        conversion: of image files; arrays are converted by `trainer.data.dataset`.

    Raises:
        DataError: it is absent, unreadable or none of the layouts.
    """
    try:
        if source.is_file():
            return read_npz(source)
        if not source.is_dir():
            raise DataError(
                f"expected a data file or folder; received '{source}', which is not there; check "
                "DIGITS_DATA or --data"
            )
        place = find_idx_folder(source)
        return read_idx_folder(place) if place else read_image_folders(source, conversion)
    except OSError as error:
        raise DataError(
            f"expected readable data; received '{source}': {error.strerror}; check its permissions"
        ) from error

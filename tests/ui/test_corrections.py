"""Drawings that people put right: what is kept, what is not, and that the trainer reads it."""

import datetime
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from digits.contract import Problem
from serving.client import Client, Drawing, connect
from tests.support.client_doubles import GARBAGE, VERSION, Play, Stage, grpc_double
from trainer.data.dataset import load
from ui.answers.correct import correct
from ui.answers.drawing import Sheet, to_sent
from ui.answers.reading import AWAY
from ui.corrections import Corrections
from ui.errors import CorrectionError

DAY = datetime.date(2026, 11, 25)
IMAGE = (np.arange(784) % 256).astype(np.uint8).reshape(28, 28)
ANSWER = Drawing(3, "3", np.full(10, 0.1, np.float32), 2, IMAGE, Problem.NONE, 0.25)
SHEET = Sheet(picture=b"a drawing")


def files(folder: Path) -> list[str]:
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def keep(corrections: Corrections, sheet: Sheet = SHEET, label: str = "7") -> None:
    corrections.keep(sheet, ANSWER, label, DAY)


def test_keep_leaves_image_drawing_and_record(tmp_path: Path) -> None:
    keep(Corrections(tmp_path, 1, "digits"))
    [drawing, image, record] = files(tmp_path)
    name = Path(image).stem
    assert (drawing, image, record) == (
        f"drawings/{name}.png",
        f"images/7/{name}.png",
        f"records/{name}.json",
    )
    assert (tmp_path / drawing).read_bytes() == b"a drawing"
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / image)), IMAGE)
    kept = json.loads((tmp_path / record).read_text(encoding="utf-8"))
    assert (kept["label"], kept["answer"], kept["model"], kept["version"], kept["day"]) == (
        "7",
        "3",
        "digits",
        2,
        "2026-11-25",
    )
    assert kept["drawing"] == drawing


def test_keep_the_same_drawing_twice_is_kept_once_with_the_last_label(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path, 1, "digits")
    for label in ("7", "7", "1"):
        keep(corrections, label=label)
    assert [file.split("/")[:2] for file in files(tmp_path) if file.startswith("images")] == [
        ["images", "1"]
    ]
    assert len(files(tmp_path)) == 3


def test_keep_images_are_a_data_set_of_the_trainer(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path, 1, "digits")
    for number in range(14):
        keep(corrections, Sheet(picture=bytes([number])), label=str(number % 2 + 4))
    data = load(tmp_path / "images", "mine")
    assert (data.labels, len(data.x_train) + len(data.x_test)) == (("4", "5"), 14)


def test_keep_in_a_full_folder_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path, 0.06, "digits")
    keep(corrections, Sheet(picture=bytes(10_000)))
    before = files(tmp_path)
    with pytest.raises(CorrectionError, match="full"):
        keep(corrections, Sheet(picture=bytes(20_001)))
    assert files(tmp_path) == before


@pytest.mark.parametrize("label", ["10", "", "x", "../7", "7/../../8"])
def test_keep_as_no_digit_is_refused_and_leaves_nothing(tmp_path: Path, label: str) -> None:
    with pytest.raises(CorrectionError, match="ten digits"):
        keep(Corrections(tmp_path / "new", 1, "digits"), label=label)
    assert not (tmp_path / "new").exists()


def test_keep_where_nothing_can_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(CorrectionError, match="cannot write") as refused:
        keep(Corrections(tmp_path / "file", 1, "digits"))
    assert str(tmp_path) not in str(refused.value)


@pytest.fixture
def play() -> Play:
    return Play()


@pytest.fixture
def client(play: Play) -> Iterator[Client]:
    stage = Stage()
    stage.play = play
    with grpc_double(stage) as address, connect(address, deadline=30) as client:
        yield client


def say(label: object, number: int = 1) -> str:
    return json.dumps({"label": label, "number": number})


def test_correct_keeps_what_the_model_itself_makes_of_the_drawing(
    client: Client, tmp_path: Path
) -> None:
    said = correct(
        client, Corrections(tmp_path, 1, "digits"), to_sent(Sheet(picture=bytes(13))), say("7"), DAY
    )
    assert said == "Kept as a 7. Thank you."
    [record] = [
        json.loads(file.read_text(encoding="utf-8")) for file in (tmp_path / "records").iterdir()
    ]
    assert (record["label"], record["answer"], record["version"]) == ("7", "3", VERSION)


@pytest.mark.parametrize(
    ("sent", "said", "sentence"),
    [
        ("", say("7"), "There is nothing to keep yet"),
        (to_sent(Sheet("number", b"1")), say("7"), "There is nothing to keep yet"),
        (to_sent(Sheet(picture=GARBAGE)), say("7"), Problem.NOT_AN_IMAGE.sentence),
        ("else", say("7"), "Expected a drawing of this page"),
        (to_sent(Sheet(picture=b"1")), say("11"), "Expected one of the ten digits"),
        (to_sent(Sheet(picture=b"1")), say(7), "Expected one of the ten digits"),
        (to_sent(Sheet(picture=b"1")), None, "Expected one of the ten digits"),
    ],
)
def test_correct_what_cannot_be_kept_says_why_and_leaves_nothing(
    client: Client, tmp_path: Path, sent: str, said: object, sentence: str
) -> None:
    assert correct(client, Corrections(tmp_path, 1, "digits"), sent, said, DAY).startswith(sentence)
    assert files(tmp_path) == []


def test_correct_blank_drawing_is_nothing_to_keep(
    client: Client, play: Play, tmp_path: Path
) -> None:
    play.changed["problem"] = np.array([Problem.BLANK], np.int32)
    said = correct(
        client, Corrections(tmp_path, 1, "digits"), to_sent(Sheet(picture=b"1")), say("7"), DAY
    )
    assert said.startswith("There is nothing to keep yet")


def test_correct_while_the_server_is_away_says_so(tmp_path: Path) -> None:
    with connect("grpc://127.0.0.1:9", deadline=1) as client:
        assert (
            correct(
                client,
                Corrections(tmp_path, 1, "digits"),
                to_sent(Sheet(picture=b"1")),
                say("7"),
                DAY,
            )
            == AWAY.sentence
        )


def test_record_has_ten_probabilities(tmp_path: Path) -> None:
    keep(Corrections(tmp_path, 1, "digits"))
    [record] = (tmp_path / "records").iterdir()
    kept = json.loads(record.read_text(encoding="utf-8"))
    assert len(kept["probabilities"]) == 10
    assert (
        Image.open(io.BytesIO((tmp_path / "images" / "7" / f"{record.stem}.png").read_bytes())).mode
        == "L"
    )


def test_keep_counts_what_the_disk_uses_and_walks_once(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path, 0.2, "digits")
    kept = 0
    with pytest.raises(CorrectionError, match="full"):
        for number in range(100):
            keep(corrections, Sheet(picture=bytes([number])))
            kept += 1
    on_disk = sum(file.lstat().st_blocks * 512 for file in tmp_path.rglob("*"))
    assert kept > 5
    assert 0.8 * 200_000 < on_disk <= 200_000


def test_keep_in_a_full_folder_works_again_once_somebody_made_room(tmp_path: Path) -> None:
    now = [0.0]
    corrections = Corrections(tmp_path, 0.04, "digits", clock=lambda: now[0])
    keep(corrections)
    with pytest.raises(CorrectionError, match="full"):
        keep(corrections, Sheet(picture=bytes(10_000)))
    for file in tmp_path.rglob("*.*"):
        file.unlink()
    with pytest.raises(CorrectionError, match="full"):
        keep(corrections, Sheet(picture=bytes(10_000)))
    now[0] = 61.0
    keep(corrections, Sheet(picture=bytes(10_000)))


@pytest.mark.parametrize("link", ["images", "images/7", "drawings", "records"])
def test_keep_through_a_link_is_refused_and_writes_nothing_there(tmp_path: Path, link: str) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    elsewhere.mkdir()
    (folder / link).parent.mkdir(parents=True)
    (folder / link).symlink_to(elsewhere)
    with pytest.raises(CorrectionError, match="received a link"):
        keep(Corrections(folder, 1, "digits"))
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("link", ["images", "images/3"])
def test_correct_removes_nothing_through_a_link(tmp_path: Path, link: str) -> None:
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    corrections = Corrections(folder, 1, "digits")
    keep(corrections, label="3")
    (folder / link).rename(elsewhere)
    (folder / link).symlink_to(elsewhere)
    before = files(elsewhere)
    with pytest.raises(CorrectionError, match="received a link"):
        keep(corrections, label="7")
    with pytest.raises(CorrectionError, match="received a link"):
        corrections.take_back(SHEET)
    assert files(elsewhere) == before


def test_keep_replaces_a_linked_file_instead_of_writing_through_it(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path / "folder", 1, "digits")
    keep(corrections)
    [record] = (tmp_path / "folder" / "records").iterdir()
    other = tmp_path / "other"
    other.write_text("precious")
    record.unlink()
    record.symlink_to(other)
    keep(corrections)
    assert other.read_text() == "precious"
    assert json.loads(record.read_text(encoding="utf-8"))["label"] == "7"


def test_correct_taken_back_leaves_nothing(client: Client, tmp_path: Path) -> None:
    corrections = Corrections(tmp_path, 1, "digits")
    sent = to_sent(Sheet(picture=bytes(13)))
    correct(client, corrections, sent, say("7"), DAY)
    correct(client, corrections, to_sent(Sheet(picture=bytes(14))), say("7"), DAY)
    assert len(files(tmp_path)) == 6
    assert correct(client, corrections, sent, say(None, 2), DAY).startswith("Taken back.")
    assert len(files(tmp_path)) == 3
    assert correct(client, corrections, sent, say(None, 3), DAY).startswith("Taken back.")

"""The program `python -m ui`: settings, start, end."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from digits.errors import SettingsError
from digits.settings import read
from ui.settings import PageSettings


def test_settings_defaults_keep_the_page_on_this_machine() -> None:
    settings = read(PageSettings, [])
    assert (settings.server, settings.model, settings.host, settings.port) == (
        "grpc://localhost:8500",
        "digits",
        "127.0.0.1",
        7860,
    )


def test_settings_come_from_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INKWELL_UI_SERVER", "rest://serving:8501")
    assert read(PageSettings, ["--port", "8080"]).server == "rest://serving:8501"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("server", "localhost:8500"),
            ("server", "ftp://localhost:8500"),
            ("server", "grpc://a/b"),
            ("model", ""),
        ),
        *(
            ("deadline", "0"),
            ("deadline", "61"),
            ("retry", "0.1"),
            ("port", "-1"),
            ("port", "65536"),
            ("port", "http"),
            ("host", ""),
        ),
    ],
)
def test_settings_out_of_bounds_are_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=rf"^{name}: expected "):
        read(PageSettings, [f"--{name}={value}"])


def test_program_with_an_unknown_flag_exits_with_2_and_says_so() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "ui", "--shar"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == 2
    assert "shar" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_program_on_a_taken_address_says_which_and_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [sys.executable, "-m", "ui", f"--port={port}"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    assert ended.returncode == 1
    expected = (
        "python -m ui: expected a free address of this machine; received "
        f"127.0.0.1:{port}: Address already in use; choose another --port"
    )
    assert ended.stderr.startswith(expected)


HOSTILE = {"GRADIO_SHARE": "True", "GRADIO_ALLOWED_PATHS": "/", "GRADIO_ANALYTICS_ENABLED": "True"}


def test_gradio_variables_are_gone_before_gradio_is_imported() -> None:
    code = """if True:
        import os
        from ui.__main__ import sealed_environment
        with sealed_environment():
            print(*(f"{name}={value}" for name, value in os.environ.items() if "GRADIO" in name))
    """
    seen = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | HOSTILE,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    left = dict(entry.split("=") for entry in seen.stdout.split())
    assert left.pop("GRADIO_TEMP_DIR")
    assert left == {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_ANALYTICS_MAX_EVENTS": "1",
        "GRADIO_ANALYTICS_CACHE_FREQUENCY": str(sys.maxsize),
    }


def test_gradio_makes_no_table_of_the_questions() -> None:
    code = """if True:
        from ui.__main__ import sealed_environment
        with sealed_environment():
            from gradio.queueing import Queue
            queue = Queue.__new__(Queue)
            Queue.__init__(queue, False, 1, None, None, None)
            queue._get_df = lambda records: print("a table of", len(records))
            queue.events_recorded = 1_000
            queue.compute_analytics_summary([{"function": "answer"}])
            print(queue.ANALYTICS_MAX_EVENTS)
    """
    seen = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert seen.stdout == "1\n"


def test_program_serves_ignores_gradio_variables_and_ends_on_sigterm(tmp_path: Path) -> None:
    environment = os.environ | HOSTILE | {"TMPDIR": str(tmp_path)}
    command = [sys.executable, "-m", "ui", "--port", "0", "--server", "grpc://127.0.0.1:9"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as page:
        assert page.stdout is not None
        said = page.stdout.readline()
        address = next(word for word in said.split() if word.startswith("http://"))
        assert httpx.get(address, trust_env=False, timeout=30).status_code == 200
        page.send_signal(signal.SIGTERM)
        _, errors = page.communicate(timeout=30)
    assert page.returncode == 0
    assert errors.splitlines() == [
        f"python -m ui: {name} is ignored; see --help for the settings of this page"
        for name in sorted(HOSTILE)
    ]
    assert list(tmp_path.iterdir()) == []

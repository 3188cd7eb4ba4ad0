import subprocess
import sys
from pathlib import Path


def test_unknown_escape_is_refused_as_the_server_runs(tmp_path: Path) -> None:
    """In a process of its own: pytest turns every warning into an error, the server must do so for
    this one by itself."""
    path = tmp_path / "models.config"
    path.write_text(
        r'model_config_list { config { name: "di\gits" base_path: "/models/digits" '
        r'model_platform: "tensorflow" } }'
    )
    program = (
        "import sys; from pathlib import Path; from serving.server.models.config import "
        "read_file; read_file(Path(sys.argv[1]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, path],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 1
    last = ended.stderr.splitlines()[-1]
    assert (
        "SettingsError: model_config_file: expected a model_config_list" in last
        and "escape" in last
    )

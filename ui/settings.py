"""Settings of the page."""

import ipaddress
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from digits.contract import MODEL_NAME
from digits.settings import CommaSeparated
from serving.client.settings import AccessSettings


def _network(text: str) -> str:
    ipaddress.ip_network(text)  # a ValueError of it names the text
    return text


Proxy = Annotated[str, AfterValidator(_network)]


class PageSettings(AccessSettings):
    """A page to draw digits on, answered live by a model server."""

    program: ClassVar[str] = "python -m ui"
    env_prefix: ClassVar[str] = "INKWELL_UI_"

    model: str = Field(
        default=MODEL_NAME, min_length=1, description="name the model is served under"
    )
    compare: Annotated[tuple[str, ...], CommaSeparated] = Field(
        default=(),
        max_length=8,
        description="names of further models on the server to compare with, separated by commas",
    )
    models: Path | None = Field(
        default=None,
        description="folder of the served models, one folder each, to tell their validation "
        "accuracy from when models are compared; without one it is not told",
    )
    corrections: Path | None = Field(
        default=None,
        description="folder to keep drawings in that people put right; without one the page "
        "offers no corrections",
    )
    corrections_megabytes: float = Field(
        default=100.0, gt=0, le=100_000, description="most that this folder may hold, in megabytes"
    )
    deadline: float = Field(
        default=5.0,
        gt=0,
        le=60,
        description="longest wait for one answer of the model server, in seconds",
    )
    retry: float = Field(
        default=2.0,
        ge=0.2,
        le=60,
        description="time between two questions while the model server is away, in seconds",
    )
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="address to listen on; 0.0.0.0 opens the page to the network",
    )
    hosts: Annotated[tuple[str, ...], CommaSeparated] = Field(
        default=(),
        max_length=32,
        description="names that people reach the page under besides localhost and addresses, as "
        "behind a proxy, separated by commas: inkwell.example.org",
    )
    proxies: Annotated[tuple[Proxy, ...], CommaSeparated] = Field(
        default=("127.0.0.1", "::1"),
        max_length=32,
        description="addresses or networks (10.0.0.0/8) of proxies before the page, whose "
        "X-Forwarded-For tells visitors apart, separated by commas",
    )
    port: int = Field(
        default=7860, ge=0, le=65535, description="port to listen on; 0 takes any free one"
    )

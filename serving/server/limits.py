"""How much callers may ask of the embedded server; TensorFlow Serving has no such settings."""

from pydantic import Field

from digits.settings import Settings


class LimitSettings(Settings):
    """The largest request, and how much all of them together may hold."""

    max_message_bytes: int = Field(
        default=16 << 20,
        ge=1024,
        le=1 << 30,
        description="bytes of the largest gRPC request, and of the largest unpacked tensor",
    )
    rest_max_body_bytes: int = Field(
        default=8 << 20,
        ge=1024,
        le=1 << 30,
        description="bytes of the largest REST body, also after gunzip",
    )
    max_batch_items: int = Field(
        default=4096, ge=1, description="items (images, drawings) in one call"
    )
    max_call_pixels: int = Field(
        default=512_000_000,
        ge=1,
        description="pixels of all encoded pictures in one call, by their headers",
    )
    max_bytes_in_flight: int = Field(
        default=512 << 20,
        ge=1 << 20,
        description="bytes that the requests of all callers hold, with what they become in memory; "
        "further calls are refused at once",
    )
    max_running_calls: int = Field(
        default=16,
        ge=1,
        le=1024,
        description="calls computed at the same time, gRPC and REST together; those joined "
        "into batches are bounded by max_batch_size",
    )
    max_queued_calls: int = Field(
        default=128,
        ge=0,
        le=4096,
        description="Predict calls that may wait for one of those; further ones are refused at "
        "once",
    )
    max_large_calls: int = Field(
        default=72,
        ge=1,
        le=4096,
        description="calls of more than 16 items or a million pixels in progress or waiting; "
        "further ones are refused at once, so that small calls find a place",
    )

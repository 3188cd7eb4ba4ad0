"""What the server says of its models, from the wire to our own values; both transports use the same
messages."""

from digits.contract import Signature, Tensor
from serving.client.predictions import VersionStatus
from serving.client.transport.messages import DATA_TYPES, VERSION_STATES, AnyMessage


def to_statuses(message: AnyMessage) -> list[VersionStatus]:
    """Read a GetModelStatusResponse; the newest version comes first."""
    found = [
        VersionStatus(
            entry.version, VERSION_STATES.get(entry.state, "UNKNOWN"), entry.status.error_message
        )
        for entry in message.model_version_status
    ]
    return sorted(found, key=lambda status: status.version, reverse=True)


def to_signatures(message: AnyMessage) -> dict[str, Signature]:
    """Read a SignatureDefMap; TensorFlow lists its own start-up operation there too."""
    return {
        name: Signature(name, _to_tensors(entry.inputs), _to_tensors(entry.outputs))
        for name, entry in message.signature_def.items()
    }


def _to_tensors(infos: AnyMessage) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(
            name,
            DATA_TYPES.get(info.dtype, str(info.dtype)),
            tuple(None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim),
        )
        for name, info in sorted(infos.items())
    )

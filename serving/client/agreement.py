"""Does a served model keep the contract?"""

from collections.abc import Mapping

from digits.contract import LABELS, PREDICT, Signature, Tensor, signatures


def differences(served: Mapping[str, Signature]) -> list[str]:
    """What a served model lacks or has otherwise than the contract; empty if it is one of ours.

    Signatures and outputs beyond the contract are welcome, other inputs are not: nobody would fill
    them. An optional output may be missing. The number of classes is the model's own, but must be
    the same in every signature.
    """
    found: list[str] = []
    for name, expected in signatures(_classes(served)).items():
        if name not in served:
            found.append(f"signature '{name}' is missing")
            continue
        inputs, outputs = served[name].inputs, served[name].outputs
        wanted = {tensor.name for tensor in expected.inputs}
        found += [
            f"'{name}' has an input '{tensor.name}' too many"
            for tensor in inputs
            if tensor.name not in wanted
        ]
        found += _unlike(f"'{name}' input", expected.inputs, inputs)
        there = {tensor.name for tensor in outputs}
        found += _unlike(
            f"'{name}' output",
            (*expected.outputs, *(tensor for tensor in expected.optional if tensor.name in there)),
            outputs,
        )
    return found


def _unlike(what: str, expected: tuple[Tensor, ...], served: tuple[Tensor, ...]) -> list[str]:
    """Each expected tensor that is missing, or has another type or shape."""
    there = {tensor.name: _describe(tensor) for tensor in served}
    return [
        f"{what} '{tensor.name}' is {there.get(tensor.name, 'missing')}, not {_describe(tensor)}"
        for tensor in expected
        if there.get(tensor.name) != _describe(tensor)
    ]


def _describe(tensor: Tensor) -> str:
    sizes = ",".join("n" if size is None else str(size) for size in tensor.shape)
    return f"{tensor.dtype} [{sizes}]"


def _classes(served: Mapping[str, Signature]) -> int:
    """The number of classes the model says it has, else that of the contract."""
    outputs = served[PREDICT].outputs if PREDICT in served else ()
    shape = next((tensor.shape for tensor in outputs if tensor.name == "probabilities"), ())
    return (shape[-1] if shape else None) or len(LABELS)

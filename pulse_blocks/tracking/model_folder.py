"""The folder that MLflow knows as a model: MLmodel, signature, requirements, and the serving bundle as data.

Nothing in it is pickled and no code is copied: ``loader_module`` is a name in this package.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pulse_blocks.protocol.columns import features
from pulse_blocks.protocol.spec import FieldSpec, Protocol

_LOADER = "pulse_blocks.serving.pyfunc"
_PACKAGES = ("lightgbm", "mlflow", "numpy", "pandas", "pulse-blocks")


def write_model_folder(
    folder: Path, protocol: Protocol, files: Mapping[str, bytes], model_id: str, run_id: str
) -> None:
    """Write an MLflow model into the empty ``folder``; ``files`` (``bundle.json``, ``model.txt``) are its data."""
    import mlflow.pyfunc
    from mlflow.models import Model

    data = folder / "data"
    data.mkdir()
    for name, content in files.items():
        (data / name).write_bytes(content)
    (folder / "requirements.txt").write_text("\n".join(requirements()) + "\n", encoding="utf-8")
    (folder / "python_env.yaml").write_text(_python_env(), encoding="utf-8")
    model = Model(
        artifact_path=None,
        run_id=run_id,
        signature=signature(protocol),
        model_id=model_id,
        model_uuid=model_id,
    )
    mlflow.pyfunc.add_to_model(model, loader_module=_LOADER, data="data", python_env="python_env.yaml")
    model.save(str(folder / "MLmodel"))


def signature(protocol: Protocol) -> Any:
    """The model's signature from the protocol, never inferred; a nullable input is optional."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs: list[Any] = [
        ColSpec(_data_type(column.field), column.name, required=not column.field.nullable)
        for column in features(protocol)
    ]
    outputs: list[Any] = [ColSpec(kind, name) for name, kind in _outputs(protocol)]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def requirements() -> list[str]:
    """What loading the model takes, pinned to the versions that trained it."""
    return [f"{name}=={importlib.metadata.version(name)}" for name in _PACKAGES]


def _outputs(protocol: Protocol) -> list[tuple[str, str]]:
    if protocol.task == "binary-classification":
        return [("probability", "double"), ("decision", "boolean")]
    if protocol.task == "multiclass-classification":
        return [(str(value), "double") for value in protocol.target.values or ()]
    return [("value", "double")]


def _data_type(field: FieldSpec) -> str:
    if field.type == "category":
        return "long" if field.values and isinstance(field.values[0], int) else "string"
    return {
        "float": "double",
        "int": "long",
        "bool": "boolean",
        "string": "string",
        "timestamp": "datetime",
        "date": "datetime",
    }[field.type]


def _python_env() -> str:
    import platform

    return f"python: {platform.python_version()}\ndependencies:\n- -r requirements.txt\n"

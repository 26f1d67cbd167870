"""LitServe with batching: a record in, a probability out. Run in LitServe's own environment."""

# No postponed annotations: LitServe reads that of a request to know where it is in the HTTP request.
import json
import sys
from pathlib import Path
from typing import Any

import lightgbm as lgb
import litserve as ls
import numpy as np


class Scores(ls.LitAPI):
    """The model of the benchmark; LitServe gathers what waits into batches."""

    def setup(self, device: str) -> None:  # noqa: ARG002  LitServe's signature
        """Load the model, in the worker's process."""
        columns = json.loads(Path(sys.argv[2]).read_text())
        self.booster = lgb.Booster(model_file=sys.argv[1])
        self.names = columns["names"]
        self.codes = {
            name: {value: code for code, value in enumerate(values)}
            for name, values in columns["categories"].items()
        }

    def decode_request(self, request: dict[str, Any]) -> list[float]:
        """A record as a row of numbers."""
        row = [request[name] for name in self.names]
        return row + [codes[request[name]] for name, codes in self.codes.items()]

    def batch(self, inputs: list[list[float]]) -> Any:
        """Rows as a matrix."""
        return np.array(inputs)

    def predict(self, x: Any) -> Any:
        """Probabilities of a batch."""
        return self.booster.predict(np.atleast_2d(x), num_threads=1)

    def unbatch(self, output: Any) -> list[Any]:
        """One probability for each request."""
        return list(output)

    def encode_response(self, output: Any) -> dict[str, float]:
        """The reply."""
        return {"probability": float(output)}


if __name__ == "__main__":
    api = Scores(max_batch_size=64, batch_timeout=0.001, api_path="/predict")
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1",
        port=int(sys.argv[3]),
        num_api_servers=1,
        log_level="error",
        generate_client_file=False,
    )

"""Filling in a node's parameters from what earlier nodes gave. Secrets stay in memory and end at the driver."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from towpath.orchestrator.stages import placeholders
from towpath.orchestrator.stages.placeholders import Ref
from towpath.orchestrator.stages.snapshot import SERVICE
from towpath.sdk.types import Node
from towpath.secrets.service import Secret


@dataclass(frozen=True)
class Settled:
    """What an applied resource offers to others."""

    uid: str
    outputs: Mapping[str, Any]
    secrets: Mapping[str, Secret] = field(default_factory=dict)


@dataclass
class Values:
    """Outputs of the nodes settled so far, by name of the resource; the workload itself under `workload`."""

    resources: dict[str, Settled] = field(default_factory=dict)
    workload: Settled | None = None

    def settle(self, node: Node, settled: Settled) -> None:
        """Let later nodes read what this one gave."""
        if node.type == SERVICE:
            self.workload = settled
            return
        self.resources[node.id] = settled

    def params(self, node: Node) -> dict[str, Any]:
        """Parameters for the driver. Variables that contain a secret stand apart in `secret_variables`."""
        if node.type != SERVICE:
            return dict(placeholders.fill(node.params, self._reveal))
        variables = node.params.get("variables", {})
        others = {key: value for key, value in node.params.items() if key != "variables"}
        filled = {name: placeholders.substitute(text, self._reveal) for name, text in variables.items()}
        hidden = {name for name, text in variables.items() if self._touches_secret(text)}
        return {
            **placeholders.fill(others, self._reveal),
            "variables": {name: text for name, text in filled.items() if name not in hidden},
            "secret_variables": {name: text for name, text in filled.items() if name in hidden},
        }

    def redacted(self, text: str) -> str:
        """A message without any secret that a driver may have put into it."""
        held = [self.workload] if self.workload else []
        for settled in (*self.resources.values(), *held):
            for secret in settled.secrets.values():
                text = text.replace(secret.reveal(), "****") if secret.reveal() else text
        return text

    def _touches_secret(self, text: str) -> bool:
        return any(isinstance(self._read(ref), Secret) for _, ref in placeholders.refs(text))

    def _reveal(self, ref: Ref) -> Any:
        value = self._read(ref)
        return value.reveal() if isinstance(value, Secret) else value

    def _read(self, ref: Ref) -> Any:
        if ref.root == "workload" and self.workload:
            settled, keys = self.workload, ref.path[1:]
        else:
            settled, keys = self.resources[ref.path[1]], ref.path[2:]
        if not keys:
            return settled.uid
        secret = settled.secrets.get(keys[0]) if len(keys) == 1 else None
        return secret or placeholders.lookup(settled.outputs, keys, ref)

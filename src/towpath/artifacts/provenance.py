"""Where a bundle came from: an in-toto statement with a SLSA v1.0 build provenance."""

from datetime import datetime

import orjson

from towpath.kit import clock


def make(*, name: str, wheel: str, repository: str, commit: str, run_id: str, builder: str, started: datetime) -> bytes:
    """The statement as JSON; `wheel` is the digest it speaks about, `builder` the portal's address."""
    return orjson.dumps(
        {
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"name": name, "digest": {"sha256": wheel.removeprefix("sha256:")}}],
            "predicateType": "https://slsa.dev/provenance/v1",
            "predicate": {
                "buildDefinition": {
                    "buildType": "https://towpath.dev/pipelines/act/v1",
                    "externalParameters": {"repository": repository, "ref": commit},
                    "resolvedDependencies": [{"uri": f"git+{repository}", "digest": {"gitCommit": commit}}],
                },
                "runDetails": {
                    "builder": {"id": builder},
                    "metadata": {
                        "invocationId": run_id, "startedOn": clock.iso(started), "finishedOn": clock.iso(clock.now()),
                    },
                },
            },
        }
    )  # fmt: skip

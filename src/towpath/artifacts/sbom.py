"""The bill of materials of a bundle (CycloneDX 1.6): the service's own wheel and every locked package, nothing else."""

from collections.abc import Sequence

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from towpath.artifacts.requirements import Pin


def make(name: str, version: str, wheel_sha256: str, pins: Sequence[Pin]) -> bytes:
    """The document as JSON; the same bundle gives the same components."""
    own = Component(
        name=name, version=version, type=ComponentType.APPLICATION, bom_ref=f"{name}@{version}",
        purl=PackageURL("pypi", name=name, version=version), hashes=[HashType(alg=HashAlgorithm.SHA_256, content=wheel_sha256)],
    )  # fmt: skip
    bom = Bom()
    bom.metadata.component = own
    for pin in pins:
        bom.components.add(
            Component(
                name=pin.name, version=pin.version, type=ComponentType.LIBRARY, bom_ref=f"{pin.name}@{pin.version}",
                purl=PackageURL("pypi", name=pin.name, version=pin.version),
                hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in pin.hashes[:1]],
            )
        )  # fmt: skip
    bom.register_dependency(own, bom.components)
    return JsonV1Dot6(bom).output_as_string().encode()

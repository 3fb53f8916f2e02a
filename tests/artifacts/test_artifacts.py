"""Artifacts: what is stored is what was given, and the bill of materials lists exactly it."""

import json
import zipfile

import pytest

from towpath.artifacts import requirements, service, store
from towpath.kit import clock, db
from towpath.kit.errors import Invalid, NotFound

LOCK = (
    "fastapi==0.165.0 \\\n    --hash=sha256:"
    + "a" * 64
    + "\ncolorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:"
    + "b" * 64
)


@pytest.fixture
def built(tmp_path):
    with zipfile.ZipFile(tmp_path / "orders-0.1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("orders/__init__.py", "")
    (tmp_path / "requirements.lock").write_text(LOCK)
    (tmp_path / "bundle.json").write_text('{"start": ["python", "-m", "orders"]}')
    return tmp_path


def pack(built):
    return service.pack(
        "northbank",
        built,
        repository="r",
        repository_url="http://x/git/r.git",
        commit="c" * 40,
        run_id="run",
        started=clock.now(),
    )


def part(packed, kind):
    found = next(one for one in packed.manifest["layers"] if one["mediaType"].endswith(f"{kind}.v1"))
    return store.get("northbank", found["digest"])


def test_the_bill_of_materials_lists_exactly_what_is_in_the_bundle(settings, built):
    bill = json.loads(part(pack(built), "sbom").read_bytes())
    assert bill["specVersion"] == "1.6"
    assert [(one["name"], one["version"]) for one in bill["components"]] == [("fastapi", "0.165.0")]
    assert bill["metadata"]["component"]["name"] == "orders"


def test_the_provenance_names_commit_and_wheel(settings, built):
    packed = pack(built)
    statement = json.loads(part(packed, "provenance").read_bytes())
    wheel = next(one for one in packed.manifest["layers"] if "wheel" in one["mediaType"])
    assert statement["subject"][0]["digest"]["sha256"] == wheel["digest"].removeprefix("sha256:")
    assert statement["predicate"]["buildDefinition"]["resolvedDependencies"][0]["digest"] == {"gitCommit": "c" * 40}


def test_a_bundle_that_lacks_a_part_is_refused_with_what_is_missing(settings, built):
    (built / "bundle.json").unlink()
    with pytest.raises(Invalid, match=r"bundle\.json"):
        pack(built)


def test_a_lock_without_hashes_is_refused_with_its_line():
    with pytest.raises(Invalid) as caught:
        requirements.read("a==1 --hash=sha256:" + "0" * 64 + "\nfastapi>=0.1\n")
    assert [(one.line, one.found) for one in caught.value.problems] == [(2, "fastapi>=0.1")]


def test_a_line_is_counted_in_the_file_and_not_after_joining():
    with pytest.raises(Invalid) as caught:
        requirements.read(f"{LOCK}\nhttpx==0.28.1\nuvloop==1 ; nonsense --hash=sha256:{'c' * 64}\n")
    assert [(one.line, one.found[:6]) for one in caught.value.problems] == [(5, "httpx="), (6, "uvloop")]


def damaged(built):
    wheel = next(built.glob("*.whl"))
    wheel.write_bytes(wheel.read_bytes().replace(b"the very text", b"another text!", 1))


@pytest.mark.parametrize(
    "spoil",
    [damaged, lambda built: next(built.glob("*.whl")).rename(built / "orders.whl")],
    ids=["a file that is not what was packed", "a name without a version"],
)
def test_what_is_no_wheel_is_refused(settings, built, spoil):
    with zipfile.ZipFile(next(built.glob("*.whl")), "a") as wheel:
        wheel.writestr("orders/text.txt", "the very text")
    spoil(built)
    with pytest.raises(Invalid):
        pack(built)


def test_a_truncated_upload_leaves_no_blob(settings):
    def broken():
        yield b"half"
        raise OSError("disk is gone")

    with pytest.raises(Exception, match="could not be stored"):
        store.put("northbank", broken())
    assert [path for path in store.folder("northbank").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("digest", ["sha256:../../etc/passwd", "sha256:zz", ""])
def test_a_digest_is_no_path(settings, digest):
    with pytest.raises(NotFound):
        store.get("northbank", digest)


def test_the_same_bundle_twice_is_one_event(organisation, developer, built):
    packed = pack(built)
    for _ in range(2):
        with db.write(organisation) as session:
            service.publish(session, developer, packed, repository="r", commit="c", branch="main", run_id="run")
    with db.read(organisation) as session:
        assert len(service.bundles(session, "r")) == 1


def test_parts_that_another_bundle_names_stay(organisation, developer, built):
    for repository in ("one", "two"):
        packed = service.pack(
            organisation.name,
            built,
            repository=repository,
            repository_url="u",
            commit="c",
            run_id="x",
            started=clock.now(),
        )
        with db.write(organisation) as session:
            service.publish(session, developer, packed, repository=repository, commit="c", branch="main", run_id="x")
    with db.write(organisation) as session:
        gone = service.parts_of(session, "one")
        service.remove_of(session, developer, "one")
        assert service.bundles(session, "one") == []
        kept = service.bundles(session, "two")[0]
    wheel = next(one["digest"] for one in kept.manifest["layers"] if "wheel" in one["mediaType"])
    assert wheel not in gone
    assert gone

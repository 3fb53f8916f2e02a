"""Replacing a release under load, with bad releases, killed services and a portal that dies between phases."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from towpath.kit import engines, ports
from towpath.kit.errors import Conflict, NotFound, Unavailable
from towpath.kit.settings import current
from towpath.runtimes import edge, logs, replacing, service, state, supervisor
from towpath.runtimes.releases import Release
from towpath.runtimes.watch import Watch

HOST = "orders.development.localhost"
Make = Callable[..., Release]


def get(path: str = "/", host: str = HOST) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection("127.0.0.1", current().edge_port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host})
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if answer.status == 200 else {}
    finally:
        connection.close()


def wait(condition: Callable[[], bool], timeout_s: float = 30.0) -> bool:
    until = time.monotonic() + timeout_s
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False


def test_the_first_release_serves_at_once_with_its_secrets_and_name(release: Make) -> None:
    instance = service.replace(release("r1", secret_variables={"TOKEN": "sesame-open"}))
    service.bind("orders.development", "route#1", HOST)
    assert edge.answering(HOST) == "r1"
    status, body = get("/print")
    assert (status, body["token"]) == (200, "sesame-open")
    line = Path(f"/proc/{body['pid']}/cmdline").read_bytes()
    assert b"orders.development" in line
    assert b"sesame" not in line
    if os.getuid() == 0:
        assert body["uid"] not in (0, os.getuid())
    written = (current().data / "supervisor" / "programs" / f"{instance.program}.ini").read_text()
    assert "sesame" not in written
    assert wait(lambda: "secret is ****" in service.logs_of("orders.development").lines)
    assert service.status("orders.development")["state"] == "healthy"


def test_a_command_of_several_lines_starts_one_program_in_the_jail(release: Make, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    evil = f"# ; a comment\n[program:evil]\ncommand=/usr/bin/touch {seen}\nautostart=true\n"
    script = f"{evil!r}\nfrom orders.main import main\nmain()"
    service.replace(release("lines", "lines.development", command=("python", "-c", script, evil)))
    assert service.status("lines.development")["state"] in ("healthy", "starting")
    assert [name for name in supervisor.infos() if name.startswith("evil")] == []
    assert not seen.exists()
    service.remove("lines.development")


def test_what_a_service_forked_and_hid_ends_with_its_release(release: Make) -> None:
    script = (
        "import subprocess; subprocess.Popen(['/usr/bin/sleep', '93.5'], env={}, start_new_session=True)\n"
        "from orders.main import main\nmain()"
    )
    service.replace(release("forks", "forks.development", command=("python", "-c", script)))
    assert "/usr/bin/sleep 93.5" in commands()
    service.replace(release("plain", "forks.development"))
    assert wait(lambda: "/usr/bin/sleep 93.5" not in commands())
    service.remove("forks.development")


def commands() -> list[str]:
    return [" ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"])]


def test_swaps_under_load_fail_no_request(release: Make) -> None:
    failures: list[object] = []
    count, stop = [0], threading.Event()

    def load(path: str) -> None:
        while not stop.is_set():
            try:
                status, _ = get(path)
                if status != 200:
                    failures.append(status)
            except OSError as error:
                failures.append(error)
            count[0] += 1

    threads = [threading.Thread(target=load, args=(path,)) for path in ("/", "/", "/slow")]
    for thread in threads:
        thread.start()
    for name in ("s1", "s2", "s3"):
        service.replace(release(name))
    assert wait(lambda: state.load("orders.development").draining == [])
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []
    assert count[0] > 100
    assert edge.answering(HOST) == "s3"
    assert [path.name for path in (state.folder("orders.development") / "releases").iterdir()] == ["s3"]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        pytest.param({"READY": "503"}, "GET /readyz answered 503", id="never ready"),
        pytest.param({"CRASH": "no key"}, "its process ended", id="ends while starting"),
    ],
)
def test_a_bad_release_leaves_the_old_one_serving(release: Make, variables: dict[str, str], reason: str) -> None:
    before = edge.answering(HOST)
    with pytest.raises(Unavailable, match=reason) as caught:
        service.replace(release("bad", variables=variables))
    assert "serves on" in caught.value.message
    assert "code 0" not in caught.value.message
    assert any("hello from" in problem.message for problem in caught.value.problems)
    assert edge.answering(HOST) == before
    assert "service orders.development bad" not in ports.claimed()
    assert not (state.folder("orders.development") / "releases" / "bad").exists()


def test_a_killed_service_comes_back_and_the_restart_is_counted(release: Make) -> None:
    watch = Watch()
    watch.look()
    os.kill(service.status("orders.development")["pid"], signal.SIGKILL)
    assert wait(lambda: get()[0] == 200)
    watch.look()
    found = service.status("orders.development")
    assert (found["state"], found["restarts"]) == ("healthy", 1)


def test_a_crash_loop_is_recognised_and_paused(release: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("towpath.runtimes.watch.QUICK_RESTARTS", 2)
    service.replace(release("loop", "looping.development", variables={"CRASH_AFTER": "0.4"}))
    watch = Watch()

    def looping() -> bool:
        watch.look()
        return service.status("looping.development")["state"] == "crash loop"

    assert wait(looping, timeout_s=15)
    assert "next try" in service.status("looping.development")["why"]
    service.remove("looping.development")
    assert not (current().data / "runtimes" / "looping.development").exists()
    with pytest.raises(NotFound):
        service.status("looping.development")


@pytest.mark.parametrize("point", ["prepared", "started", "ready", "routed", "switched"])
def test_killed_between_phases_the_same_call_goes_on(release: Make, parts: tuple[Path, Path], point: str) -> None:
    name = f"kill-{point}"
    script = (
        "import sys; from pathlib import Path; from towpath.runtimes import service\n"
        "service.replace(service.Release(sys.argv[1], 'orders.development', 'acme', 'orders', 'development',"
        " Path(sys.argv[3]), Path(sys.argv[2]), ('orders',), live='/'))"
    )
    env = os.environ | {
        "TOWPATH_KILL_AT": f"replace/{point}",
        "TOWPATH_HOME": str(current().data),
        "TOWPATH_PORT_BASE": str(current().port_base),
        "TOWPATH_EDGE_PORT": str(current().edge_port),
        "TOWPATH_DRAIN_S": "0.3",
    }
    died = subprocess.run([sys.executable, "-c", script, name, *map(str, parts)], env=env, check=False)
    assert died.returncode == -signal.SIGKILL
    assert get()[0] == 200
    service.replace(release(name, command=("orders",)))
    assert edge.answering(HOST) == name
    time.sleep(0.4)
    Watch().look()
    assert len([one for one in supervisor.infos() if one.startswith("orders.development.")]) == 1


def test_another_release_undoes_what_a_dead_call_left(release: Make) -> None:
    with state.locked("orders.development") as found:
        replacing._prepared(found, release("left-over"))
    service.replace(release("after"))
    assert edge.answering(HOST) == "after"
    assert "service orders.development left-over" not in ports.claimed()


def test_a_name_or_host_of_another_organisation_is_refused(release: Make) -> None:
    stranger = release("x")
    object.__setattr__(stranger, "organisation", "other")
    with pytest.raises(Conflict):
        service.replace(stranger)
    with pytest.raises(Conflict):
        service.bind("thief.development", "route#2", HOST)
    with pytest.raises(NotFound):
        service.find("other", "orders", "development")
    assert service.find("acme", "orders", "development") == "orders.development"


def test_services_left_by_a_killed_supervisord_are_ended_and_start_again(release: Make) -> None:
    orphan = service.status("orders.development")["pid"]
    found = engines.adopt("supervisor")
    assert found
    os.kill(found.pid, signal.SIGKILL)
    assert wait(lambda: engines.adopt("supervisor") is None)
    assert get()[0] == 200  # it logs to a file: nothing of it hangs on supervisord
    supervisor.Supervisor(replacing.end_orphans).up()
    assert engines.start_time(orphan) is None
    assert wait(lambda: get()[0] == 200)


def test_the_health_of_all_services_is_one_question(release: Make) -> None:
    service.replace(release("h1", "health.development"))
    service.replace(release("h2", "health.staging"))
    supervisor.stop("health.staging.h2")
    found = service.health("acme")
    assert found["health", "development"][0] == "healthy"
    assert found["health", "staging"][0] == "stopped"
    assert service.health("another") == {}
    for logical in ("health.development", "health.staging"):
        service.remove(logical)


def test_logs_are_followed_by_offset(release: Make) -> None:
    piece = service.logs_of("orders.development", 5)
    get("/print") if piece.lines == [] else None
    service.replace(release("logs", secret_variables={"TOKEN": "sesame-open"}))
    get("/print")
    assert wait(
        lambda: any("****" in line for line in logs.after("orders.development", piece.release, piece.offset).lines)
    )
    after = service.follow("orders.development", piece.release, piece.offset)
    assert service.follow("orders.development", after.release, after.offset).lines == []


def test_removal_leaves_nothing(release: Make) -> None:
    pid = service.status("orders.development")["pid"]
    service.remove("orders.development")
    service.unbind("orders.development", "route#1")
    service.unbind("orders.development", "route#1")
    service.remove("orders.development")
    assert not Path(f"/proc/{pid}").exists()
    assert list((current().data / "runtimes").glob("*")) == [current().data / "runtimes" / ".locks"]
    assert list((current().data / "runtimes" / ".locks").iterdir()) == []
    assert list((current().data / "edge" / "dynamic").iterdir()) == []
    assert [name for name in ports.claimed() if name.startswith("service ")] == []
    assert supervisor.infos() == {}

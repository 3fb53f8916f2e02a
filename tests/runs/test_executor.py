"""Runs: each step once, results kept, waiting, cancelling, retrying, resuming after death."""

import contextlib
import os
import subprocess
import threading
import time

import pytest

from towpath.kit import db, jobs
from towpath.kit.errors import Invalid, Unavailable
from towpath.kit.jobs import WAIT, Act, Fact, Job
from towpath.runs import logs, queries, retention, service
from towpath.runs.executor import Executor
from towpath.runs.logs import RunLogWriter


@pytest.fixture
def world(organisation, monkeypatch):
    monkeypatch.setattr(jobs, "checkpoint", lambda name, call: call())
    service.launch_with(None)
    return organisation


def execute(ref, job, run_id):
    Executor({job.kind: job}, lambda name: ref).execute(ref.name, run_id)
    with db.read(ref) as session:
        return service.get(session, run_id)


def start(ref, actor, kind="test", **changes):
    with db.write(ref) as session:
        return service.start(session, actor, kind, title="Test", subject="x", input={}, **changes).id


def act(key, do, settle=lambda session, run, data, result: result):
    return Act(key, key, lambda session, run: dict(run.results), do, settle)


def test_steps_see_the_results_of_earlier_ones(world, developer):
    job = Job(
        "test",
        lambda run: [
            Fact("one", "One", lambda s, r: {"n": 1}),
            act("two", lambda data, ctx: {"n": data["one"]["n"] + 1}),
        ],
    )
    run = execute(world, job, start(world, developer))
    assert (run.status, run.results) == ("succeeded", {"one": {"n": 1}, "two": {"n": 2}})


def test_a_finished_step_is_not_done_again_when_the_run_resumes(world, developer):
    calls = []

    def die(data, ctx):
        calls.append("two")
        if calls.count("two") == 1:
            raise KeyboardInterrupt  # the process goes away in the middle of the step
        return {}

    job = Job("test", lambda run: [act("one", lambda d, c: calls.append("one") or {}), act("two", die)])
    run_id = start(world, developer)
    with pytest.raises(KeyboardInterrupt):
        execute(world, job, run_id)
    assert execute(world, job, run_id).status == "succeeded"
    assert calls == ["one", "two", "two"]


def test_an_error_is_kept_with_its_places_and_retry_goes_on_from_there(world, developer):
    fail = [True]

    def second(data, ctx):
        if fail:
            raise Invalid("wrong", hint="mend it")
        return {}

    calls = []
    job = Job("test", lambda run: [act("one", lambda d, c: calls.append(1) or {}), act("two", second)])
    run_id = start(world, developer)
    run = execute(world, job, run_id)
    assert (run.status, run.error["message"], run.error["hint"]) == ("failed", "wrong", "mend it")
    fail.clear()
    with db.write(world) as session:
        service.retry(session, developer, run_id)
    assert execute(world, job, run_id).status == "succeeded"
    assert calls == [1]


def test_a_waiting_run_goes_on_when_it_is_resumed(world, developer):
    answer = [WAIT]
    job = Job("test", lambda run: [Fact("ask", "Ask", lambda s, r: answer[0])])
    run_id = start(world, developer)
    run = execute(world, job, run_id)
    assert (run.status, run.steps[0].status) == ("waiting", "waiting")
    answer[0] = {"yes": True}
    with db.write(world) as session:
        service.resume(session, run_id)
    assert execute(world, job, run_id).results == {"ask": {"yes": True}}


def test_cancel_stops_before_the_next_step_and_takes_the_children_along(world, developer):
    run_id = start(world, developer)
    child = start(world, developer, parent_id=run_id, root_id=run_id)

    def stop(data, ctx):
        with ctx.write() as session:
            service.cancel(session, developer, run_id)
        return {}

    heard, never = [], act("two", lambda d, c: pytest.fail("ran"))
    assert execute(world, Job("test", lambda run: [act("one", stop), never]), run_id).status == "cancelled"
    queued = Job("test", lambda run: [never], lambda session, run: heard.append(run.status))
    assert execute(world, queued, child).status == "cancelled"
    assert heard == ["cancelled"]


@pytest.mark.databases("postgres")  # on SQLite nobody else writes while a fact decides
def test_a_run_that_is_cancelled_while_it_decides_to_wait_ends(world, developer):
    def decide(session, run):
        with db.write(world) as other:
            service.cancel(other, developer, run.id)
        return WAIT

    run_id = start(world, developer)
    job = Job("test", lambda run: [Fact("ask", "Ask", decide)])
    assert execute(world, job, run_id).status == "cancelled"


def test_a_waiting_run_that_is_cancelled_is_heard_by_its_job(world, developer):
    heard = []
    job = Job(
        "test", lambda run: [Fact("ask", "Ask", lambda s, r: WAIT)], lambda session, run: heard.append(run.status)
    )
    run_id = start(world, developer)
    execute(world, job, run_id)
    with db.write(world) as session:
        service.cancel(session, developer, run_id)
    assert execute(world, job, run_id).status == "cancelled"
    assert heard == ["cancelled"]


def test_a_wish_repeated_with_its_id_is_one_run(world, developer):
    first = start(world, developer, run_id="01890000-0000-7000-8000-000000000001")
    assert start(world, developer, run_id=first) == first
    with db.read(world) as session:
        assert len(service.find(session, kind="test")) == 1


def test_a_log_over_its_limit_is_counted_not_kept(world, developer, settings):
    settings.run_log_bytes = 10_000
    job = Job("test", lambda run: [act("flood", lambda d, ctx: [ctx.log("x" * 999) for _ in range(100)] and {})])
    run_id = start(world, developer)
    execute(world, job, run_id)
    with db.read(world) as session:
        lines = service.lines(session, run_id)
    assert len(lines) == 11
    assert "90 more lines left out" in lines[-1].text


def test_a_job_hears_every_ending(world, developer):
    heard = []
    job = Job("test", lambda run: [act("one", lambda d, c: 1 / 0)], lambda session, run: heard.append(run.status))
    run = execute(world, job, start(world, developer))
    assert heard == ["failed"]
    assert "fault of the platform" in run.error["hint"]


def test_a_retry_decides_anew_what_held_for_one_attempt_only(world, developer):
    decided, fail = [], [True]
    job = Job(
        "test",
        lambda run: [
            Fact("plan", "Plan", lambda s, r: decided.append(1) or {"n": len(decided), "again": True}),
            act("apply", lambda data, ctx: 1 / 0 if fail else data),
        ],
    )
    run_id = start(world, developer)
    assert execute(world, job, run_id).status == "failed"
    fail.clear()
    with db.write(world) as session:
        service.retry(session, developer, run_id)
    assert execute(world, job, run_id).results["apply"]["plan"]["n"] == 2


def test_a_full_disk_of_the_workspace_is_told_as_one(world, developer):
    def write(data, ctx):
        raise OSError(28, "No space left on device", str(ctx.workspace))

    run = execute(world, Job("test", lambda run: [act("write", write)]), start(world, developer))
    assert run.error["message"].startswith("the disk is full: [Errno 28]")
    assert "free space" in run.error["hint"]


def write(ctx, name):
    (ctx.workspace / name).write_text(name)
    return {}


def retry(ref, actor, run_id):
    with db.write(ref) as session:
        return {step.key: step.status for step in service.retry(session, actor, run_id).steps}


def handing_on(calls, fail):
    def last(data, ctx):
        calls.append("last")
        if fail:
            raise Invalid("wrong")
        return {"found": (ctx.workspace / "made").read_text()}

    def make(data, ctx):
        calls.append("make")
        return write(ctx, "made")

    decide = Fact("decide", "Decide", lambda s, r: calls.append("decide") or {})
    return Job("test", lambda run: [decide, act("make", make), act("last", last)])


def test_a_retry_makes_the_files_again_once_they_are_gone(world, developer):
    calls, fail = [], [True]
    job = handing_on(calls, fail)
    run_id = start(world, developer)
    assert execute(world, job, run_id).status == "failed"
    assert retry(world, developer, run_id) == {"decide": "succeeded", "make": "succeeded", "last": "pending"}
    assert execute(world, job, run_id).status == "failed"
    fail.clear()
    service.remove_workspaces([run_id])
    assert retry(world, developer, run_id) == {"decide": "succeeded", "make": "pending", "last": "pending"}
    assert execute(world, job, run_id).results["last"] == {"found": "made"}
    assert calls == ["decide", "make", "last", "last", "make", "last"]


def test_a_run_that_goes_on_without_its_files_fails_rather_than_publish_nothing(world, developer):
    job = Job(
        "test",
        lambda run: [
            act("make", lambda data, ctx: write(ctx, "made")),
            Fact("lose", "Lose", lambda s, r: service.remove_workspaces([run.id])),
            act("publish", lambda data, ctx: pytest.fail("published")),
        ],
    )
    run_id = start(world, developer)
    assert "are gone" in execute(world, job, run_id).error["message"]
    assert set(retry(world, developer, run_id).values()) == {"pending"}


def test_files_stay_for_a_day_after_the_last_step_and_while_the_run_goes_on(world, developer, settings):
    ended, waiting = start(world, developer), start(world, developer)
    job = handing_on([], [True])
    execute(world, job, ended)
    wait = Job("test", lambda run: [act("make", lambda d, ctx: write(ctx, "made")), Fact("w", "W", lambda s, r: WAIT)])
    execute(world, wait, waiting)
    folders = {run_id: settings.data / "runs" / run_id for run_id in (ended, waiting, "unknown")}
    folders["unknown"].mkdir()
    retention.remove_workspaces([world])
    assert all(one.is_dir() for one in folders.values())
    for one in folders.values():
        os.utime(one, (1, 1))
    retention.remove_workspaces([world])
    assert [one for one in folders if folders[one].exists()] == [waiting]
    assert [one.name for one in (settings.data / "runs").iterdir()] == [waiting]


def test_each_step_and_each_retry_keeps_the_files_for_another_day(world, developer, settings):
    job, run_id = handing_on([], [True]), start(world, developer)
    execute(world, job, run_id)
    folder = settings.data / "runs" / run_id
    os.utime(folder, (1, 1))
    retry(world, developer, run_id)
    assert folder.stat().st_mtime > 1
    os.utime(folder, (1, 1))
    execute(world, job, run_id)
    assert folder.stat().st_mtime > 1


def test_a_job_that_cannot_hear_of_the_end_leaves_a_failed_run(world, developer):
    def deaf(session, run):
        raise Invalid("deaf")

    job = Job("test", lambda run: [Fact("one", "One", lambda s, r: {})], deaf)
    run = execute(world, job, start(world, developer))
    assert (run.status, run.error["message"]) == ("failed", "deaf")


@pytest.mark.parametrize("place", ["last_line", "add_lines"])
def test_a_log_that_cannot_be_used_at_once_does_not_stop_the_run(world, developer, monkeypatch, place):
    real, fails = getattr(queries, place), [TimeoutError("no connection was free")]

    def once(*args):
        if fails:
            raise fails.pop()
        return real(*args)

    monkeypatch.setattr(queries, place, once)
    monkeypatch.setattr("towpath.runs.executor.INSIST_S", 0.01)
    job = Job("test", lambda run: [act("one", lambda d, ctx: ctx.log("line") or 1 / 0)])
    run = execute(world, job, start(world, developer))
    assert run.error["message"] == "ZeroDivisionError: division by zero"


def test_the_logs_go_on_after_a_line_no_database_takes(world, developer, monkeypatch):
    first, second = (RunLogWriter(world, start(world, developer), "root") for _ in range(2))
    monkeypatch.setattr(first, "flush", lambda: 1 / 0)
    first.line("x", "lost")
    wait_until(lambda: first not in logs._flusher._dirty)
    second.line("x", "half \udc80, nothing \0")

    def lines():
        with db.read(world) as session:
            return [one.text for one in service.lines(session, second._run_id)]

    wait_until(lines)
    assert lines() == ["half ?, nothing "]


def test_an_error_no_database_takes_is_kept_without_what_it_cannot_hold(world, developer):
    def fail(data, ctx):
        raise Invalid("bad \udc80\0", hint="\udc80")

    run = execute(world, Job("test", lambda run: [act("one", fail)]), start(world, developer))
    assert (run.steps[0].error, run.error["message"], run.error["hint"]) == ("bad ?\n?", "bad ?", "?")


def wait_until(true, limit_s=30.0):
    until = time.monotonic() + limit_s
    while not true():
        assert time.monotonic() < until
        time.sleep(0.02)


@pytest.mark.databases("sqlite")
def test_a_run_that_cannot_write_when_its_process_stops_goes_on_in_the_next(
    organisation, developer, monkeypatch, tmp_path
):
    reached, url = [], f"sqlite:///{tmp_path}/runs.db"
    job = Job("test", lambda run: [Fact("one", "One", lambda s, r: reached.append(1) or {})])

    def away(*args):
        reached.append(0)
        raise Unavailable("away")

    def launch():
        executor = Executor({"test": job}, lambda name: organisation)
        jobs.launch(url, executor.execute, at_once=2, executor="embedded")
        return executor

    run_id = start(organisation, developer)
    with monkeypatch.context() as patched:
        patched.setattr("towpath.runs.executor._done", away)
        patched.setattr(Executor, "_mark", away)
        executor = launch()
        jobs.start(organisation.name, run_id, 1)
        wait_until(lambda: len(reached) > 2)
        executor.stop()
        jobs.shutdown(5)

    def status():
        with db.read(organisation) as session:
            return service.get(session, run_id).status

    assert status() == "running"
    launch()
    wait_until(lambda: status() == "succeeded")
    jobs.shutdown()


@pytest.mark.skipif(os.getuid() != 0, reason="a small file system needs root")
def test_a_run_ends_failed_once_a_full_database_has_space_again(settings, request):
    if settings.database_url:
        pytest.skip("the disk of a server is not ours to fill")
    databases = settings.folder("databases")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", databases], check=True)
    try:
        fills_up(request.getfixturevalue("world"), request.getfixturevalue("developer"), databases / "fill")
    finally:
        db.dispose()
        subprocess.run(["umount", "-l", databases], check=True)


def fills_up(world, developer, filler):
    freed = threading.Timer(0.4, filler.unlink)

    def fill(data, ctx):
        with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
            while True:
                out.write(b"x" * 4096)
        freed.start()
        ctx.log("x" * 8000)
        ctx.log("y" * 100_000)
        return {"much": "z" * 100_000}

    run = execute(world, Job("test", lambda run: [act("fill", fill)]), start(world, developer))
    freed.join()
    assert run.status == "failed"
    assert run.error["message"] == "the disk of the database is full"


def test_runs_are_found_by_what_they_were_given(world, developer):
    with db.write(world) as session:
        made = [
            service.start(session, developer, "test", title="Test", subject="x", input={"commit": commit}).id
            for commit in ("a", "b", "a")
        ]
    with db.read(world) as session:
        assert [one.id for one in service.find(session, given={"commit": "a"})] == [made[2], made[0]]
        assert service.find(session, given={"commit": "a", "branch": "main"}) == []

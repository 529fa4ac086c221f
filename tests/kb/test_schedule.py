"""Each schedule is what its own reader takes, and runs what this installation would run."""

import datetime as dt
import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kb import schedule
from kb.errors import ConfigError
from kb.schedule import Installation

ODD = "a b %n $HOME 'q\"x"
SECRETS = ("KETTLE_USER", "KETTLE_PASSWORD")
KB = Path(sys.executable).with_name("kb")


@pytest.fixture
def here(tmp_path):
    """An installation under a name that every shell and parser would like to misread."""
    folder = tmp_path / ODD
    folder.mkdir()
    return Installation(Path(sys.executable), folder, "data/kb.sqlite", Path("build"))


def words(folder, python=sys.executable):
    return [
        str(python), "-m", "kb", "--db", f"{folder}/data/kb.sqlite",
        "run", "--out", f"{folder}/build",
    ]  # fmt: skip


# -- systemd -----------------------------------------------------------------------------------


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_takes_its_units(here, tmp_path):
    units = schedule.systemd(here, "03:40")
    for name, text in units.items():
        (tmp_path / name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", *(tmp_path / name for name in units)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("at", ["00:00", "03:40", "23:59"])
def test_systemd_understands_the_hour(here, at):
    (calendar,) = re.findall(
        r"^OnCalendar=(.*)$", schedule.systemd(here, at)["dissensus.timer"], re.M
    )
    done = subprocess.run(
        ["systemd-analyze", "calendar", calendar], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"Normalized form: *-*-* {at}:00" in done.stdout


def test_the_unit_runs_this_installation(here):
    service = schedule.systemd(here, "03:40")["dissensus.service"]
    (line,) = re.findall(r"^ExecStart=(.*)$", service, re.M)
    told = [word.replace("$$", "$").replace("%%", "%") for word in shlex.split(line)]
    assert told == words(here.folder)
    (folder,) = re.findall(r"^WorkingDirectory=(.*)$", service, re.M)
    assert folder.replace("%%", "%") == str(here.folder)


def test_the_unit_may_write_to_the_data_and_the_site_alone(here):
    service = schedule.systemd(here, "03:40")["dissensus.service"]
    lines = re.findall(r"^ReadWritePaths=(.*)$", service, re.M)
    paths = [shlex.split(line)[0].replace("%%", "%") for line in lines]
    assert paths == [f"{here.folder}/data", f"{here.folder}/build"]
    assert {"ProtectSystem=strict", "NoNewPrivileges=true", "Nice=10"} <= set(service.splitlines())


def test_the_timer_catches_up_and_waits_a_random_while(here):
    timer = schedule.systemd(here, "03:40")["dissensus.timer"]
    assert {"Persistent=true", "RandomizedDelaySec=45m"} <= set(timer.splitlines())


# -- cron --------------------------------------------------------------------------------------


def entry(text):
    (line,) = [line for line in text.splitlines() if not line.startswith("#")]
    return line


def test_cron_takes_the_hour(here):
    croniter = pytest.importorskip("croniter").croniter
    fields = " ".join(entry(schedule.cron(here, "03:40")).split(" ")[:5])
    assert croniter.is_valid(fields)
    noon = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)
    assert croniter(fields, noon).get_next(dt.datetime) == noon.replace(day=2, hour=3, minute=40)


def test_the_line_runs_this_installation_as_cron_would(here, tmp_path):
    log = tmp_path / "log"
    fake = tmp_path / "py %thon"
    fake.write_text(
        f"#!{sys.executable}\nimport json, os, sys\n"
        f"print(json.dumps([os.getcwd(), *sys.argv]), file=open({str(log)!r}, 'a'))\n"
    )
    fake.chmod(0o755)
    made = Installation(fake, here.folder, here.database, here.out)
    command = entry(schedule.cron(made, "03:40")).split(" ", 5)[5]
    assert not re.search(r"(?<!\\)%", command)  # a bare one would end the command
    subprocess.run(["/bin/sh", "-c", command.replace("\\%", "%")], cwd=tmp_path, check=True)
    waiting, (folder, *told) = map(json.loads, log.read_text().splitlines())
    assert waiting[2] == "-c"
    compile(waiting[3], "wait", "exec")
    assert (folder, told) == (str(here.folder), words(here.folder, fake))


# -- GitHub -------------------------------------------------------------------------------------


@pytest.fixture
def workflow():
    return yaml.safe_load(schedule.github("03:40", SECRETS))


def steps(workflow, job):
    return workflow["jobs"][job]["steps"]


def test_every_action_is_pinned_to_a_commit():
    used = re.findall(r"uses: (.*)$", schedule.github("03:40", SECRETS), re.M)
    assert len(used) == 8
    for each in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)


def test_only_the_job_that_asks_has_secrets(workflow):
    holders = {name for name, job in workflow["jobs"].items() if "secrets." in json.dumps(job)}
    assert holders == {"ingest"}
    (run,) = [step for step in steps(workflow, "ingest") if "secrets." in json.dumps(step)]
    assert set(run["env"]) == {"KB_CONTACT", *SECRETS}


def test_permissions_are_the_least(workflow):
    assert workflow["permissions"] == {}
    assert {name: job["permissions"] for name, job in workflow["jobs"].items()} == {
        "ingest": {"contents": "write"},
        "build": {"contents": "read"},
        "deploy": {"pages": "write", "id-token": "write"},
    }


def test_no_checkout_leaves_its_credentials(workflow):
    checkouts = [
        step
        for job in workflow["jobs"]
        for step in steps(workflow, job)
        if step.get("uses", "").startswith("actions/checkout@")
    ]
    assert len(checkouts) == 2
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_every_job_ends_some_time_and_two_runs_wait_for_each_other(workflow):
    assert all(job["timeout-minutes"] <= 360 for job in workflow["jobs"].values())
    assert workflow["concurrency"] == {"group": "nightly", "cancel-in-progress": False}
    assert workflow[True] == {  # YAML 1.1 takes "on" for a truth value
        "schedule": [{"cron": "40 3 * * *"}],
        "workflow_dispatch": {},
    }


def test_the_scripts_are_what_bash_takes(workflow):
    for job in workflow["jobs"]:
        for step in steps(workflow, job):
            if "run" in step:
                subprocess.run(["bash", "-n", "-c", step["run"]], check=True)


def test_zizmor_finds_nothing(tmp_path):
    zizmor = shutil.which("zizmor", path=str(Path(sys.executable).parent)) or shutil.which("zizmor")
    if zizmor is None:
        pytest.skip("zizmor is not installed")
    path = tmp_path / "nightly.yml"
    path.write_text(schedule.github("03:40", SECRETS))
    done = subprocess.run(
        [zizmor, "--offline", "--no-config", "--persona=auditor", path],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_actionlint_finds_nothing(tmp_path):
    actionlint = shutil.which("actionlint")
    if actionlint is None:
        pytest.skip("actionlint is not installed")
    path = tmp_path / "nightly.yml"
    path.write_text(schedule.github("03:40", SECRETS))
    done = subprocess.run([actionlint, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


# -- bad input, and the command ---------------------------------------------------------------


@pytest.mark.parametrize("at", ["24:00", "3:40", "03:60", "noon", "03:40\n", "*:00", ""])
@pytest.mark.parametrize("make", ["systemd", "cron", "github"])
def test_what_is_no_hour_is_refused(here, make, at):
    first = SECRETS if make == "github" else here
    arguments = (at, first) if make == "github" else (first, at)
    with pytest.raises(ConfigError, match="not a time of day"):
        getattr(schedule, make)(*arguments)


@pytest.mark.parametrize("mark", ["\n", "\r", "\0", "\u2028", "\x1b"])
def test_a_path_that_would_end_its_line_is_refused(mark):
    with pytest.raises(ConfigError, match="cannot hold this path"):
        Installation(Path("/p"), Path(f"/a{mark}ExecStart=/b"), "kb.sqlite", Path("build"))


@pytest.mark.parametrize("make", [schedule.systemd, schedule.cron])
def test_a_password_never_comes_onto_a_command_line(tmp_path, make):
    url = "postgresql+psycopg://kettle:tea@db.example/kb"
    text = make(Installation(Path("/p"), tmp_path, url, Path("build")), "03:40")
    text = text if isinstance(text, str) else "".join(text.values())
    assert "tea" not in text
    assert "KB_DB=" in text


@pytest.mark.parametrize("kind", ["systemd", "cron", "github"])
def test_the_command_prints_its_schedule(tmp_path, kind):
    done = subprocess.run(
        [KB, "--db", "data/kb.sqlite", "schedule", kind, "--at", "04:05"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    if kind == "github":
        assert done.stdout == schedule.github(
            "04:05", ("OPENREVIEW_USERNAME", "OPENREVIEW_PASSWORD")
        )
    else:
        for word in words(tmp_path):
            assert word in done.stdout
    assert not list(tmp_path.iterdir())

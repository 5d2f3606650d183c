"""The Debian packages: built, installed, run as their units say, upgraded with their state, purged."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "system"))

import harness
from harness import equal, expect, wait_for
from machine import Machine

UNIT = "/lib/systemd/system/weir.service"
STATE = "/var/lib/weir"
CONFIG = "/etc/weir/weir.conf"
PASSWORD = "/run/credentials/weir.service/weir.broker-password"

COLLECT_UNIT = "/lib/systemd/system/weir-collect.service"
COLLECT_CONFIG = "/etc/default/weir-collect"
COLLECT_STATE = "/var/lib/weir-collect"
COLLECT_PASSWORD = "/run/credentials/weir-collect.service/weir-collect.broker-password"


def package(name="weir"):
    """A package, as ./dev deb has left it."""
    return next((harness.ROOT / "build" / "deb").glob(f"{name}_*.deb"))


def upgraded(directory, name="weir", configuration=CONFIG):
    """The same package in a version to come, with a configuration that has changed."""
    tree = directory / "next"
    subprocess.run(["dpkg-deb", "--raw-extract", package(name), tree], check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*$", r"\g<0>+next", control.read_text()))
    with (tree / configuration[1:]).open("a") as config:
        config.write("# A line more.\n")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, directory / "next.deb"],
                   check=True, stdout=subprocess.DEVNULL)
    return directory / "next.deb"


def install(machine, deb):
    shutil.copy(deb, machine.path("/tmp/weir-test.deb"))
    machine.run("dpkg", "--install", "--force-confdef", "--force-confold", "/tmp/weir-test.deb")


def show(machine, name, service="weir"):
    """A property of the service, as systemd has it."""
    return machine.run("systemctl", "show", "--property", name, "--value", service).strip()


def wait_restarts(machine, count):
    wait_for(lambda: show(machine, "NRestarts") == str(count)
             and show(machine, "ActiveState") == "active", f"restart {count}")


def received(broker):
    return broker.retained("weir/v1/gateway-1/info")["weir/v1/gateway-1/info"].json["ledger"][
        "received"]


def test_install(bench):
    """Installed, the configuration passes, the unit is in order and hardened, Tab completes."""
    machine = bench.add(Machine(bench.directory))
    install(machine, package())
    plan = machine.run("weir", "check")
    expect("total" in plan, f"weir check says {plan}")
    for board in (harness.ROOT / "boards").glob("rpi*.conf"):
        machine.run("weir", "check", "--board", board.stem)
    equal(machine.run("weir", "version").split()[1],
          machine.run("dpkg-query", "--show", "--showformat=${Version}", "weir"), "the version")
    expect("storage" in machine.path(CONFIG).read_text(), "no storage")
    for page in ("man1/weir.1.gz", "man5/weir.conf.5.gz", "man5/weir-test.5.gz"):
        expect(machine.path(f"/usr/share/man/{page}").exists(), f"no {page}")
    machine.run("bash", "-c", "source /usr/share/bash-completion/completions/weir; "
                              "complete -p weir; declare -F _weir")
    check_unit(machine, UNIT)


def check_unit(machine, unit):
    if shutil.which("systemd-analyze"):
        equal(machine.run("systemd-analyze", "verify", "--man=no", unit), "", "what verify says")
        machine.run("systemd-analyze", "security", "--offline=true", "--threshold=17", unit)


def check_reload(machine):
    """A reload takes what passes, and leaves alone what runs when it does not."""
    config = machine.path(CONFIG)
    text = config.read_text()
    process = show(machine, "MainPID")
    config.write_text(text + "typo = 1;\n")
    expect(machine.call("systemctl", "reload", "weir").returncode != 0, "an error was reloaded")
    config.write_text(text + "# A remark.\n")
    machine.run("systemctl", "reload", "weir")
    equal((show(machine, "ActiveState"), show(machine, "MainPID")), ("active", process),
          "what runs after reloads")


def check_restarts(machine):
    """A killed process is started again, and so is one that stands still."""
    machine.run("systemctl", "kill", "--signal=KILL", "weir")
    wait_restarts(machine, 1)
    drop_in = machine.path("/etc/systemd/system/weir.service.d/watchdog.conf")
    drop_in.parent.mkdir()
    drop_in.write_text("[Service]\nWatchdogSec=2s\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "weir")
    time.sleep(3)
    equal(show(machine, "ActiveState"), "active", "the state, with the watchdog fed")
    machine.run("systemctl", "kill", "--signal=STOP", "weir")
    wait_restarts(machine, 1)
    drop_in.unlink()
    machine.run("systemctl", "daemon-reload")


def check_refusal(machine):
    """A configuration that is refused is not tried again."""
    config = machine.path(CONFIG)
    text = config.read_text()
    config.write_text("gateway = 1;\n")
    machine.call("systemctl", "restart", "weir")
    equal((show(machine, "ActiveState"), show(machine, "ExecMainStatus")), ("failed", "78"),
          "state and exit status")
    config.write_text(text)
    machine.run("systemctl", "start", "weir")


def check_purge(machine):
    machine.run("dpkg", "--remove", "weir")
    expect(machine.path("/var/lib/private/weir").exists() and machine.path(CONFIG).exists(),
           "a removal took what is to stay")
    machine.run("dpkg", "--purge", "weir")
    for path in (STATE, "/var/lib/private/weir", "/run/weir", "/etc/weir", "/usr/bin/weir", UNIT):
        expect(not os.path.lexists(machine.path(path)), f"a purge left {path}")


def configure(machine, broker):
    """The configuration as installed, with our broker, and a password that is systemd's to hand
    over."""
    config = machine.path(CONFIG)
    text = config.read_text().replace("mqtt://127.0.0.1:1883", broker.url)
    text = text.replace('# username = "weir";',
                        f'username = "weir"; password_file = "{PASSWORD}";')
    expect(PASSWORD in text, "the configuration has no line for a user")
    config.write_text(text)
    keep_secret(machine, "weir.broker-password")


def keep_secret(machine, name):
    machine.path("/etc/credstore").mkdir(exist_ok=True)
    secret = machine.path(f"/etc/credstore/{name}")
    secret.touch(mode=0o600)
    secret.write_text("secret\n")


def test_service(bench):
    """Under systemd it starts, reloads, is restarted, upgraded with its state, and purged."""
    broker = bench.broker()
    machine = bench.add(Machine(bench.directory, boots=True))
    if not machine.booted():
        print("skipped: systemd cannot be started in a namespace here")
        return
    # As long as it is not configured, it is not to start by itself.
    policy = machine.path("/usr/sbin/policy-rc.d")
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    install(machine, package())
    policy.unlink()
    configure(machine, broker)
    machine.run("systemctl", "start", "weir")
    broker.publish_all("plant/north/hall-1/power", ["1500", "1600", "1700"])
    broker.wait_delivered(3, "weir-gateway-1")
    check_reload(machine)
    check_restarts(machine)
    check_refusal(machine)
    before = machine.path(CONFIG).read_text()
    process = show(machine, "MainPID")
    install(machine, upgraded(bench.directory))
    equal(machine.path(CONFIG).read_text(), before, "the configuration")
    expect(machine.path(CONFIG + ".dpkg-dist").exists(), "the new configuration is not beside it")
    expect(show(machine, "MainPID") != process, "the upgrade has left the old process")
    broker.publish("plant/north/hall-1/power", "1800")
    broker.wait_delivered(4, "weir-gateway-1")
    machine.run("systemctl", "stop", "weir")
    equal(received(broker), 4, "received, in all its lives")
    check_purge(machine)


def test_collect_install(bench):
    """The collector alone: its unit is in order and hardened, Tab completes its options."""
    machine = bench.add(Machine(bench.directory))
    install(machine, package("weir-collect"))
    expect(machine.path("/usr/share/man/man1/weir-collect.1.gz").exists(), "no manual page")
    completed = machine.run(
        "bash", "-c", "source /usr/share/bash-completion/completions/weir-collect; "
        "complete -p weir-collect >/dev/null; _weir_collect weir-collect --password; "
        'echo "${COMPREPLY[@]}"')
    equal(completed.split(), ["--password-file"], "what --password is completed to")
    check_unit(machine, COLLECT_UNIT)


def collected(machine):
    """The gateways of the report: gateway and newest seq."""
    lines = machine.run("weir-collect", "--report", "--to", f"sqlite:{COLLECT_STATE}/fleet.db")
    return [(line["gateway"], line["seq"]) for line in map(json.loads, lines.splitlines())
            if "seq" in line]


def send_batch(broker, number):
    broker.publish("weir/v1/plant-7/batch", json.dumps({
        "schema": "weir.batch/1", "gateway": "plant-7", "epoch": "00000000000000aa",
        "seq": number, "created": 1700000000000, "ledger": {}, "summaries": []}))


def check_collect_purge(machine):
    machine.run("dpkg", "--remove", "weir-collect")
    equal(show(machine, "ActiveState", "weir-collect"), "inactive", "the state once removed")
    expect(machine.path(f"{COLLECT_STATE}/fleet.db").exists()
           and machine.path(COLLECT_CONFIG).exists(), "a removal took what is to stay")
    machine.run("dpkg", "--purge", "weir-collect")
    for path in (COLLECT_STATE, "/var/lib/private/weir-collect", COLLECT_CONFIG,
                 "/usr/bin/weir-collect", COLLECT_UNIT):
        expect(not os.path.lexists(machine.path(path)), f"a purge left {path}")


def test_collect_service(bench):
    """The collector waits for options, then collects, is upgraded with its state, and purged."""
    broker = bench.broker()
    machine = bench.add(Machine(bench.directory, boots=True))
    if not machine.booted():
        print("skipped: systemd cannot be started in a namespace here")
        return
    install(machine, package("weir-collect"))
    equal((show(machine, "ActiveState", "weir-collect"), show(machine, "Result", "weir-collect")),
          ("inactive", "exec-condition"), "state and result without options")
    keep_secret(machine, "weir-collect.broker-password")
    options = (f"--broker {broker.url} --to sqlite:{COLLECT_STATE}/fleet.db --name one "
               f"--username fleet --password-file {COLLECT_PASSWORD}")
    machine.path(COLLECT_CONFIG).write_text(f'OPTIONS="{options}"\n')
    machine.run("systemctl", "restart", "weir-collect")
    broker.wait_subscribed("weir/v1/+/batch")
    send_batch(broker, 1)
    wait_for(lambda: collected(machine) == [("plant-7", 1)], "the first batch")
    process = show(machine, "MainPID", "weir-collect")
    install(machine, upgraded(bench.directory, "weir-collect", COLLECT_CONFIG))
    expect(options in machine.path(COLLECT_CONFIG).read_text(), "the options are gone")
    expect(show(machine, "MainPID", "weir-collect") != process, "the old process goes on")
    send_batch(broker, 2)
    wait_for(lambda: collected(machine) == [("plant-7", 2)], "the second batch")
    machine.path(COLLECT_CONFIG).write_text('OPTIONS="--no-such-option"\n')
    machine.call("systemctl", "restart", "weir-collect")
    equal((show(machine, "ActiveState", "weir-collect"),
           show(machine, "ExecMainStatus", "weir-collect")), ("failed", "2"), "state and exit status")
    machine.path(COLLECT_CONFIG).write_text(f'OPTIONS="{options}"\n')
    machine.run("systemctl", "restart", "weir-collect")
    check_collect_purge(machine)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def build():
    """Builds the package with what is here, or skips."""
    for tool in ("dh", "dpkg-buildpackage", "lintian", "unshare", "nsenter", "setpriv", "bash"):
        if not shutil.which(tool):
            skip(f"{tool} is not installed; ./dev deb installs what it needs")
    if os.getuid() != 0:
        skip("an overlay to install on needs root")
    with tempfile.TemporaryDirectory() as directory:
        machine = Machine(directory)
        machine.finish()
        if not machine.mounted:
            skip(f"this machine does not let us mount an overlay: {machine.log().strip()}")
    done = subprocess.run([harness.ROOT / "dev", "deb"], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        sys.exit(1)


if __name__ == "__main__":
    build()
harness.main(__name__)

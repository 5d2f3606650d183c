"""The Debian package: built, installed, run as its unit says, upgraded with its state, purged."""

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


def package():
    """The package, as ./dev deb has left it."""
    return next((harness.ROOT / "build" / "deb").glob("weir_*.deb"))


def upgraded(directory):
    """The same package in a version to come, with a configuration that has changed."""
    tree = directory / "next"
    subprocess.run(["dpkg-deb", "--raw-extract", package(), tree], check=True)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^Version: .*$", r"\g<0>+next", control.read_text()))
    with (tree / CONFIG[1:]).open("a") as config:
        config.write("# A line more.\n")
    subprocess.run(["dpkg-deb", "--build", "--root-owner-group", tree, directory / "next.deb"],
                   check=True, stdout=subprocess.DEVNULL)
    return directory / "next.deb"


def install(machine, deb):
    shutil.copy(deb, machine.path("/tmp/weir-test.deb"))
    machine.run("dpkg", "--install", "--force-confdef", "--force-confold", "/tmp/weir-test.deb")


def show(machine, name):
    """A property of the service, as systemd has it."""
    return machine.run("systemctl", "show", "--property", name, "--value", "weir").strip()


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
    if shutil.which("systemd-analyze"):
        equal(machine.run("systemd-analyze", "verify", "--man=no", UNIT), "", "what verify says")
        machine.run("systemd-analyze", "security", "--offline=true", "--threshold=17", UNIT)


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
    machine.path("/etc/credstore").mkdir(exist_ok=True)
    secret = machine.path("/etc/credstore/weir.broker-password")
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

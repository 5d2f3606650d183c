"""An image in QEMU: the command line that starts a board, and a way to start one by hand.

    WEIR_BOARD=BOARD WEIR_IMAGE=DIRECTORY emulator.py CARD PORT

has the console on the terminal and a listener of the gateway's broker on 127.0.0.1:PORT. CARD is a
copy of the image, made where there is none that is newer, and keeps what the gateway writes.
WEIR_IMAGE is the directory that firmware/image.sh made, WEIR_BOARD the board's name.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGE = pathlib.Path(os.environ.get("WEIR_IMAGE", "/nonexistent"))
MIB = 1 << 20
MEMORY_MIB = 128

# What opens the gateway's broker to the machine that the emulator runs on.
LISTENER_PORT = 1884
LISTENER = f"listener {LISTENER_PORT} 0.0.0.0\nallow_anonymous true\n"

# The watchdog of an emulated Pi resets it as soon as it is armed.
NO_WATCHDOG = "weir.watchdog=off"

# With less, U-Boot has its own things where a kernel of 33 MB has to go.
LOADER_MIB_MIN = 96

# The loader's settings: the disk at once, where a board would look around and wait for a key.
LOADER_SETTINGS = """bootdelay=0
bootcmd=virtio scan; setenv devtype virtio; setenv devnum 0; \
load virtio 0:1 {scratch:x} boot.scr; source {scratch:x}
"""


def board():
    """The board's keys."""
    path = ROOT / "boards" / f"{os.environ['WEIR_BOARD']}.conf"
    lines = re.findall(r'^([A-Z_]+)="?([^"\n]*)"?$', path.read_text(), re.MULTILINE)
    return dict(lines)


def is_pi():
    """Whether the emulator has a Pi, with a card and USB, in place of its own machine."""
    return "raspi" in board()["EMULATOR"]


def is_known():
    """Whether the emulator has what the board's image starts on."""
    return board()["FIRMWARE"] != "raspi" or is_pi()


def copy_image(card):
    subprocess.run(["cp", "--sparse=always", IMAGE / "image", card], check=True)


def put(card, source, target):
    """Copies a file or a directory onto the first partition."""
    subprocess.run(["mcopy", "-s", "-o", "-i", f"{card}@@4M", source, target], check=True)


def kernel(*options):
    """Arguments to start the kernel of slot A at once."""
    words = [f"console={board()['CONSOLE']}", "panic=5", "quiet", "weir.slot=A", *options]
    return ["-kernel", str(IMAGE / "kernel"), "-initrd", str(IMAGE / "ramdisk"),
            "-append", " ".join(words)]


def loader(directory):
    """Arguments to start as a board does, by the loader; its settings go into the directory."""
    settings = directory / "loader.txt"
    scratch = int(board()["LOAD_ADDRESS"], 16) - MIB
    settings.write_text(LOADER_SETTINGS.format(scratch=scratch))
    flash = directory / "loader.env"
    subprocess.run(["mkenvimage", "-s", "0x40000", "-o", flash, settings], check=True)
    with flash.open("r+b") as file:
        file.truncate(64 * MIB)
    return ["-bios", str(IMAGE / "loader"),
            "-drive", f"if=pflash,unit=1,format=raw,file={flash}"]


def pi_kernel():
    """The kernel at once: the loader would leave no USB behind, and so no network."""
    return [*kernel(NO_WATCHDOG), "-device", "usb-net,netdev=net"]


def command(card, directory, port, memory_mib=MEMORY_MIB, pi_start=pi_kernel):
    """The emulator's whole command line; an emulated Pi has all the memory of the board."""
    network = f"user,id=net,hostfwd=tcp:127.0.0.1:{port}-:{LISTENER_PORT}"
    start = [*shlex.split(board()["EMULATOR"]), "-display", "none", "-monitor", "none",
             "-netdev", network]
    if is_pi():
        tree = IMAGE / "boot.tree" / pathlib.Path(board()["DEVICE_TREE"]).name
        before = ["-serial", "null"] if board()["CONSOLE"] == "ttyS1" else []
        return [*start, *pi_start(), "-dtb", str(tree), *before, "-serial", "stdio",
                "-drive", f"if=sd,format=raw,file={card}"]
    return [*start, *(loader(directory) if memory_mib >= LOADER_MIB_MIN else kernel()),
            "-m", str(memory_mib), "-serial", "stdio",
            "-device", "virtio-net-pci,netdev=net,romfile=",
            "-drive", f"if=none,id=disk,format=raw,file={card}",
            "-device", "virtio-blk-pci,drive=disk", "-device", "i6300esb"]


def make_card(card, directory):
    """A card with the image, and the listener on it, whole or not there."""
    part = card.with_name(f"{card.name}.part")
    copy_image(part)
    listener = directory / "mosquitto.d"
    listener.mkdir()
    (listener / "emulator.conf").write_text(LISTENER)
    put(part, listener, "::config/")
    part.rename(card)


def main(card, port):
    if not is_known():
        sys.exit(f"emulator: there is none of {os.environ['WEIR_BOARD']}")
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        if not card.exists() or card.stat().st_mtime < (IMAGE / "image").stat().st_mtime:
            make_card(card, directory)
        print(f"card: {card}\nbroker: mqtt://127.0.0.1:{port}\nCtrl-C cuts the power", flush=True)
        try:
            status = subprocess.run(command(card, directory, port), check=False).returncode
        except KeyboardInterrupt:
            status = 0
    sys.exit(status)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), int(sys.argv[2]))

#!/usr/bin/python3
"""A board is a whole file: every key that boards/README.md names, with a value that can be."""

import json
import re

import tree

BOARDS = tree.ROOT / "boards"
NUMBERS = ("MEMORY_MIB", "WEIR_MEMORY_MIB", "WEIR_FLASH_MIB", "DATA_MIB")
WORDS = ("ARCHITECTURE", "DEVICE_TREE", "LOADER", "LOAD_ADDRESS", "FIRMWARE", "CONSOLE", "MODULES", "EMULATOR")
LINE = re.compile(r'([A-Z_]+)=("[^"$`]+"|[\w.,/-]+)')


def read(path):
    """The keys of a board, and what is wrong with its lines."""
    values, problems = {}, []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        match = LINE.fullmatch(line)
        if line.startswith("#") or not line:
            continue
        if not match:
            problems.append(f"line {number} is no KEY=value")
        elif match[1] in values:
            problems.append(f"line {number} gives {match[1]} again")
        else:
            values[match[1]] = match[2].strip('"')
    return values, problems


def judge_values(values):
    for key in sorted(set(NUMBERS + WORDS) - set(values)):
        yield f"gives no {key}"
    for key in sorted(set(values) - set(NUMBERS + WORDS)):
        yield f"gives {key}, which means nothing"
    for key in NUMBERS:
        if not values.get(key, "1").isdigit() or int(values.get(key, "1")) == 0:
            yield f"{key} is '{values[key]}'; expected a number above 0"


def judge_sense(values):
    """What holds between values that are all there."""
    toolchain = tree.ROOT / "toolchains" / f"{values['ARCHITECTURE']}.cmake"
    if not toolchain.exists():
        yield f"ARCHITECTURE is '{values['ARCHITECTURE']}', which has no toolchain file"
    if values["FIRMWARE"] not in ("none", "raspi"):
        yield f"FIRMWARE is '{values['FIRMWARE']}'; expected none or raspi"
    if int(values["WEIR_MEMORY_MIB"]) >= int(values["MEMORY_MIB"]):
        yield "weir may take all memory there is"
    if int(values["WEIR_FLASH_MIB"]) >= int(values["DATA_MIB"]):
        yield "weir may fill /data"


def judge_preset(path, values, presets):
    preset = presets.get(path.stem)
    if preset is None:
        yield "has no preset of its name in CMakePresets.json"
    elif not preset.get("toolchainFile", "").endswith(f"/{values.get('ARCHITECTURE')}.cmake"):
        yield "its preset has another architecture's toolchain file"


def main():
    text = (tree.ROOT / "CMakePresets.json").read_text(encoding="utf-8")
    presets = {preset["name"]: preset for preset in json.loads(text)["configurePresets"]}
    problems = []
    boards = sorted(BOARDS.glob("*.conf"))
    for path in boards:
        values, wrong = read(path)
        wrong += judge_values(values)
        if not wrong:
            wrong += judge_sense(values)
        wrong += judge_preset(path, values, presets)
        problems += [f"{path.relative_to(tree.ROOT)}: {problem}" for problem in wrong]
    if not boards:
        problems.append("boards/ is empty")
    print(f"{len(boards)} boards")
    tree.finish(problems)


main()

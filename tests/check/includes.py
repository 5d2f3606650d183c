#!/usr/bin/python3
"""Who may include whom: dependencies point one way, and the stages of the engine never meet."""

import tree

# A directory of src/ may include its own headers, those of include/weir/, and those named here.
MAY_SEE = {
    "core": set(),
    "format": set(),
    "pipeline": {"core", "format"},
    "store": {"core", "format"},
    "port": {"core", "format", "store"},
    "command": {"core", "format", "pipeline", "store", "port"},
    "collect": {"core", "format", "port", "command"},
}

# Stages of several files, by the word that their names begin with: these may include each other.
CORE_FAMILIES = {"alert"}

# Made by the build.
GENERATED = {"board_rows.inc"}

# Helpers of core that a stage may include: leaves, which include no stage themselves.
CORE_LEAVES = {"core/fnv.h", "core/moments.h"}

# What every file may include.
EVERYWHERE = {"core/assert.h"}


def judge(path, name):
    """What is wrong with path including name, or None."""
    if name in GENERATED | EVERYWHERE:
        return None
    if name.startswith("weir/"):
        return None if (tree.ROOT / "include" / name).exists() else "is not in include/weir/"
    if not (tree.ROOT / "src" / name).exists():
        return "is not a header of include/ or src/, written from its root"
    relative = path.relative_to(tree.ROOT)
    if relative.parts[0] == "include":
        return "is private: a public header includes public ones only"
    room, target = relative.parts[1], name.split("/")[0]
    if target != room and target not in MAY_SEE[room]:
        return f"is beyond what src/{room}/ may see"
    stage, other = path.stem, name.split("/")[1][:-2]
    if stage.split("_")[0] in CORE_FAMILIES:
        stage, other = stage.split("_")[0], other.split("_")[0]
    if room == "core" and name not in CORE_LEAVES and stage != other:
        return "is another stage: only the pipeline joins stages"
    return None


def main():
    problems = []
    files = [*tree.headers(), *sorted(tree.ROOT.glob("src/*/*.c"))]
    for path in files:
        for line, name in tree.included(path):
            problem = judge(path, name)
            if problem:
                problems.append(f"{path.relative_to(tree.ROOT)}:{line}: {name} {problem}")
    print(f"{len(files)} files")
    tree.finish(problems)


main()

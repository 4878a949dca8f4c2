# SPDX-License-Identifier: MIT
"""Builds the schedule explorer in a folder of its own, out of copies of the sources, in which who
plants faults may change them: test/sim/mutants.py and tools/mutants.py do."""

import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scheduler/observe/report"))

import embed  # noqa: E402 (found by the line above)

LAYERS = ["include", "disruptor", "shard", "scheduler"]
ENGINE = ["fibre", "frames", "kernel", "main", "memory", "race", "schedule", "search", "trace"]
FLAGS = ["-std=c17", "-O1", "-g", "-D_GNU_SOURCE", "-DTAKT_ATOMICS_SIM", "-I.", "-Iinclude",
         "-Itest", "-Itest/sim"]
# What is explored, in contrast to what explores: plain accesses are reported, the system is not
# there.
EXPLORED = ["-fsanitize=thread", "-include", "test/sim/platform.h"]


def copy_sources(root, folder):
    """Copies the library and the explorer to `folder`, with the page that meson would make."""
    for name in [*LAYERS, "test/sim"]:
        shutil.copytree(root / name, folder / name)
    for name in ["random.h", "tap.h"]:
        shutil.copy(root / "test" / name, folder / "test" / name)
    page = folder / "scheduler/observe/report"
    parts = [part for part in sorted(page.iterdir()) if part.suffix in [".css", ".js"]]
    embed.main(page / "page.c", page / "page.html", *parts)


def library_sources(folder):
    """Those of the library proper: the allocator over jemalloc is an archive of its own."""
    return [path for layer in LAYERS for path in sorted((folder / layer).rglob("*.c"))
            if path.name != "jemalloc.c"]


class Build:
    def __init__(self, compiler, folder, objects="object", flags=()):
        self.compiler, self.folder, self.objects, self.flags = compiler, folder, objects, flags
        self.sources = [*library_sources(folder), *sorted((folder / "test/sim").glob("*.c"))]
        (folder / objects).mkdir(exist_ok=True)

    def object(self, source):
        return f"{self.objects}/{source.parent.name}_{source.stem}.o"

    def compile(self, source):
        """None, or why it did not."""
        engine = source.parent.name == "sim" and source.stem in ENGINE
        return self.run([*self.compiler, *FLAGS, *([] if engine else EXPLORED), *self.flags,
                         "-c", str(source.relative_to(self.folder)), "-o", self.object(source)])

    def link(self, program="explorer"):
        return self.run([*self.compiler, *self.flags, "-o", program,
                         *map(self.object, self.sources)])

    def run(self, command):
        result = subprocess.run(command, cwd=self.folder, capture_output=True, text=True,
                                check=False)
        return None if result.returncode == 0 else result.stdout + result.stderr

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The allocator over jemalloc stays apart: the library alone brings no jemalloc into a program, and
whoever asks pkg-config for takt-jemalloc gets all that it takes. TAP.

    jemalloc_test.py BUILD LIBRARY COMPILER...
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

JEMALLOC = re.compile(r"\b(mallctl\w*|\w*mallocx|s?dallocx|je_\w+)\b")

PROGRAM = """
#include <stdio.h>
#include <takt/takt.h>
#ifdef WITH_JEMALLOC
#include <takt/jemalloc.h>
#endif

int main(void)
{
    takt_ring_options options = {.size = sizeof options, .event_size = 64, .capacity = 1 << 16};
#ifdef WITH_JEMALLOC
    takt_allocator allocator;
    if (takt_allocator_jemalloc_create(&allocator) != 0)
        return 1;
    options.allocator = &allocator;
#endif
    takt_ring *ring;
    if (takt_ring_create(&ring, &options) != 0)
        return 1;
    takt_ring_destroy(ring);
#ifdef WITH_JEMALLOC
    if (takt_allocator_jemalloc_destroy(&allocator) != 0)
        return 1;
#endif
    puts("ok");
    return 0;
}
"""


def run(*command, **options):
    """(succeeded, output)"""
    result = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                            timeout=60, **options)
    return result.returncode == 0, result.stdout


def uses(folder, pc, package, compiler, *flags):
    """(succeeded, output, the program) of a program built with what pkg-config says."""
    prefix = pc.read_text().splitlines()[0].removeprefix("prefix=")
    path = ":".join(filter(None, [str(pc.parent), os.environ.get("PKG_CONFIG_PATH")]))
    found, said = run("pkg-config", f"--define-variable=prefix={folder}{prefix}", "--static",
                      "--cflags", "--libs", package, env={**os.environ, "PKG_CONFIG_PATH": path})
    if not found:
        return False, said, None
    source, program = folder / "program.c", folder / package
    source.write_text(PROGRAM)
    done, output = run(*compiler, "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", *flags,
                       source, "-o", program, *said.split())
    if done:
        done, output = run(program)
        done = done and output == "ok\n"
    return done, output, program


def refers(thing):
    """What in an archive or program is jemalloc's."""
    done, listing = run("nm", "-A", thing)
    return done, [line for line in listing.splitlines() if JEMALLOC.search(line)]


def points(build, library, compiler, folder):
    """(name, passed, what was said)"""
    done, found = refers(library)
    yield "libtakt.a does not know of jemalloc", done and not found, "\n".join(found)
    done, said = run("meson", "install", "-C", build, "--no-rebuild", "--destdir", folder)
    pc = next(folder.rglob("takt-jemalloc.pc"), None)
    archive = next(folder.rglob("libtakt-jemalloc.a"), None)
    yield "its archive and its pkg-config file are installed", done and pc and archive, said
    if not pc or not archive:
        return
    done, found = refers(archive)
    yield "the archive does", done and bool(found), str(archive)
    done, said, program = uses(folder, pc, "takt-jemalloc", compiler, "-DWITH_JEMALLOC")
    yield "a program uses it by pkg-config", done, said
    if done:
        yield "and is linked with jemalloc", bool(refers(program)[1]), ""
    done, said, program = uses(folder, pc, "takt", compiler)
    yield "a program that does not ask for it is built as well", done, said
    if done:
        _, found = refers(program)
        yield "and keeps its malloc", not found, "\n".join(found)


def main(build, library, compiler):
    failed = False
    number = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, passed, said) in enumerate(
                points(build, library, compiler, Path(folder)), 1):
            failed |= not passed
            print(f"{'ok' if passed else 'not ok'} {number} - {name}", flush=True)
            if not passed:
                print("".join(f"# {line}\n" for line in said.splitlines()), end="")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Installs takt into an empty folder and uses it from there as a stranger would. TAP.

    install_test.py BUILD COMPILER...
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

PROGRAM = """
#include <takt/takt.h>
#include <stdio.h>
int main(void)
{
    printf("%d\\n", takt_version() == TAKT_VERSION);
    return 0;
}
"""


def run(*command, **options):
    """(succeeded, output)"""
    result = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                            **options)
    return result.returncode == 0, result.stdout


def uses(folder, pc, name, compiler):
    """A program compiled with what pkg-config says, and its run."""
    prefix = pc.read_text().splitlines()[0].removeprefix("prefix=")
    found, flags = run("pkg-config", f"--define-variable=prefix={folder}{prefix}", "--static",
                       "--cflags", "--libs", "takt",
                       env={**os.environ, "PKG_CONFIG_PATH": str(pc.parent)})
    if not found:
        return f"uses the library with {name}", False, flags
    source = folder / name
    source.write_text(PROGRAM)
    done, output = run(*compiler, *WARNINGS, source, "-o", folder / "program", *flags.split())
    if done:
        done, output = run(folder / "program")
        done = done and output == "1\n"
    return f"uses the library with {name}", done, output


def points(build, compiler, folder):
    """(name, passed or None for skipped, what was said)"""
    installed, output = run("meson", "install", "-C", build, "--no-rebuild", "--destdir", folder)
    yield "installs", installed, output
    pc = next(folder.rglob("takt.pc"), None)
    yield "installs takt.pc", pc is not None, ""
    headers = sorted(folder.rglob("include/takt/*.h"))
    ours = sorted(path.name for path in
                  (Path(__file__).parent.parent / "include" / "takt").glob("*.h"))
    yield "installs every public header", [path.name for path in headers] == ours, str(headers)
    if pc is None or not headers:
        return

    include = f"-I{headers[0].parent.parent}"
    c = [*compiler, "-std=c17"]
    yield ("every header compiles alone as C", *alone(c, include, headers, folder / "one.c"))
    yield uses(folder, pc, "program.c", c)
    cxx = next(filter(None, map(shutil.which, ("c++", "g++", "clang++", "clang++-14"))), None)
    if cxx is None:
        yield "every header compiles alone as C++", None, "no C++ compiler"
        return
    cxx = [cxx, "-std=c++17"]
    yield ("every header compiles alone as C++", *alone(cxx, include, headers, folder / "one.cc"))
    yield uses(folder, pc, "program.cc", cxx)


def alone(compiler, include, headers, source):
    for header in headers:
        source.write_text(f"#include <takt/{header.name}>\n")
        done, output = run(*compiler, *WARNINGS, include, "-fsyntax-only", source)
        if not done:
            return False, output
    return True, ""


def main(build, compiler):
    failed = False
    number = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, passed, said) in enumerate(points(build, compiler, Path(folder)), 1):
            failed |= passed is False
            skip = f" # SKIP {said}" if passed is None else ""
            print(f"{'not ok' if passed is False else 'ok'} {number} - {name}{skip}")
            if passed is False:
                print("".join(f"# {line}\n" for line in said.splitlines()), end="")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""takt from C++17: every public header compiles alone and without a warning, and a program that
uses rings, consumers, payloads and pipelines is built against the library and run. TAP.

    cxx_test.py LIBRARY

By every C++ compiler that there is; LIBRARY is the built libtakt.a.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = ROOT / "include"
PROGRAM = ROOT / "test" / "cxx" / "program.cc"
COMPILERS = ["g++", "clang++", "clang++-14"]
FLAGS = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", f"-I{INCLUDE}"]


def run(*command):
    """(succeeded, output)"""
    result = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                            timeout=120)
    return result.returncode == 0, result.stdout


def compilers():
    """Those that are there, each once, whatever its names are."""
    found = {}
    for name in COMPILERS:
        path = shutil.which(name)
        if path:
            found.setdefault(Path(path).resolve(), name)
    return found.values()


def header_alone(compiler, header, folder):
    source = folder / "one.cc"
    source.write_text(f"#include <takt/{header.name}>\n" * 2)  # the second time it is empty
    return run(compiler, *FLAGS, "-fsyntax-only", source)


def points(library, folder):
    """(name, passed or None for skipped, what was said)"""
    names = list(compilers())
    if not names:
        yield "C++ compiles the headers", None, "no C++ compiler"
    headers = sorted((INCLUDE / "takt").glob("*.h"))
    yield "there are headers", bool(headers), str(INCLUDE)
    for name in names:
        for header in headers:
            yield (f"{name}: takt/{header.name} alone", *header_alone(name, header, folder))
        program = folder / "program"
        done, output = run(name, *FLAGS, "-O2", PROGRAM, "-o", program, library, "-pthread")
        yield f"{name}: the program compiles and links", done, output
        if done:
            done, output = run(program)
            yield f"{name}: the program runs", done and output == "ok\n", output


def main(library):
    failed = False
    number = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, passed, said) in enumerate(points(library, Path(folder)), 1):
            failed |= passed is False
            skip = f" # SKIP {said}" if passed is None else ""
            print(f"{'not ok' if passed is False else 'ok'} {number} - {name}{skip}", flush=True)
            if passed is False:
                print("".join(f"# {line}\n" for line in said.splitlines()), end="")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

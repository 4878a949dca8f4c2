#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tidiness as a test: what the compiler does not check, but the design asks for.

    tidy.py ROOT LIBRARY    TAP, one point for each rule; LIBRARY is the built libtakt.a

A rule is a function that yields its findings, each with file and line. It is given a Tree, which
reads every file once. tidy_test.py plants faults and sees that the rules find them.
"""

import re
import subprocess
import sys
from pathlib import Path

# The layers, top first: a folder includes only itself and what stands above it.
LAYERS = ["include", "disruptor", "shard", "scheduler"]
# These see everything and may do what a library may not.
ABOVE_ALL = ["test", "perf", "examples", "tools", ".ci", "docs"]

TEXT = {".c", ".h", ".cc", ".py", ".sh", ".pml", ".build", ".md", ".txt", ".yml"}
CODE = TEXT - {".md", ".txt", ".yml"}
ALSO_CODE = {"Makefile", "meson.build", "meson_options.txt", "run"}
MOST_COLUMNS, MOST_LINES = 100, 450

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
RAW_ATOMICS = re.compile(r"\b(__atomic_\w+|__sync_\w+|_Atomic|stdatomic\.h|atomic_\w+_explicit)\b")
# Written in two halves, so that this file does not break its own rule.
BANNED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
FORBIDDEN_CALL = re.compile(
    r"\b(v?f?printf|v?dprintf|f?puts|f?putc|putchar|perror|exit|_exit|_Exit|quick_exit|abort"
    r"|assert)\s*\(")
FORBIDDEN_SYMBOL = re.compile(
    r"^_*(v?f?printf(_chk)?|v?dprintf(_chk)?|f?puts|f?putc|putchar|perror|exit|_Exit|quick_exit"
    r"|abort|assert_fail|stdout|stderr)$")
# The files that define the operations rather than use them.
DOOR = re.compile(r"disruptor/atomic\w*\.h|include/takt/ordering\.h")
ORDERED = re.compile(r"\btakt__((ld|st)\d+_(acq|rel)|load_acquire|store_release)\b")
ENDS = {"acquire": r"acquire|_acq\b|takt__(cas|add)", "release": r"release|_rel\b|takt__(cas|add)"}
LABEL = re.compile(r"\[pairs: ([^\]]+)\]")


def without_comments(text):
    """C code with comments and the contents of strings blanked, line by line as it was."""
    pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)

    def blank(match):
        found = match.group()
        if found[0] in "\"'":
            return found[0] + " " * (len(found) - 2) + found[0]
        return re.sub(r"[^\n]", " ", found)
    return pattern.sub(blank, text)


class File:
    def __init__(self, root, path):
        self.path = path.relative_to(root)
        self.name = str(self.path)
        self.folder = self.path.parts[0] if len(self.path.parts) > 1 else ""
        self.text = path.read_text(encoding="utf-8", errors="replace")
        self.lines = self.text.splitlines()
        self.is_c = path.suffix in {".c", ".h", ".cc"}
        self.is_code = path.suffix in CODE or path.name in ALSO_CODE
        self.in_library = self.folder in LAYERS
        self.code = without_comments(self.text).splitlines() if self.is_c else []

    def includes(self):
        for number, line in enumerate(self.lines, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match[1], match[2]


class Tree:
    def __init__(self, root, library):
        self.root = Path(root).resolve()
        self.library = library
        self.files = [File(self.root, path) for path in sorted(self.root.rglob("*"))
                      if path.is_file() and self.is_ours(path)]
        if not any(file.in_library for file in self.files):
            raise SystemExit(f"{root} holds none of {', '.join(LAYERS)}")

    def is_ours(self, path):
        parts = path.relative_to(self.root).parts
        if any(part == ".git" or part.startswith("build") for part in parts[:-1]):
            return False
        return path.suffix in TEXT or path.name in ALSO_CODE

    def library_files(self):
        return [file for file in self.files if file.in_library and file.is_c]

    def layer_of(self, file, target):
        """The layer that an included name belongs to; None for a system header."""
        if target.startswith("takt/"):
            return "include"
        beside = (self.root / file.path.parent / target).resolve()
        for folder in LAYERS + ABOVE_ALL:
            if target.startswith(folder + "/") or (self.root / folder) in beside.parents and \
                    beside.exists():
                return folder
        return None


def include_order(tree):
    """no folder includes a folder below it"""
    for file in tree.library_files():
        mine = LAYERS.index(file.folder)
        for number, _, target in file.includes():
            layer = tree.layer_of(file, target)
            if layer is not None and (layer not in LAYERS or LAYERS.index(layer) > mine):
                yield f"{file.name}:{number}: {file.folder} includes {target}"


def public_headers(tree):
    """public headers include only public and standard headers"""
    for file in tree.library_files():
        if file.folder != "include":
            continue
        for number, quote, target in file.includes():
            if target.startswith("takt/"):
                continue
            if quote == '"' or target.startswith("ck_") or "jemalloc" in target:
                yield f"{file.name}:{number}: includes {target}"


def concurrency_kit(tree):
    """ConcurrencyKit and jemalloc are included only where they are wrapped"""
    for file in tree.library_files():
        name = file.path.name
        for number, _, target in file.includes():
            in_disruptor = file.folder == "disruptor"
            if target == "ck_ec.h":
                allowed = in_disruptor
            elif target.startswith("ck_"):
                allowed = in_disruptor and re.fullmatch(r"atomic\w*\.h", name)
            elif "jemalloc" in target:
                allowed = in_disruptor and "jemalloc" in name
            else:
                continue
            if not allowed:
                yield f"{file.name}:{number}: includes {target}"


def raw_atomics(tree):
    """raw atomic operations stay behind the atomics door"""
    for file in tree.library_files():
        if DOOR.fullmatch(file.name):
            continue
        for number, line in enumerate(file.code, 1):
            match = RAW_ATOMICS.search(line)
            if match:
                yield f"{file.name}:{number}: {match[0]}"


def ends_at(file, index):
    """Which ends of a pair the label on this line marks: it says so, or the code around it does."""
    for lines in (file.lines[index:index + 1], file.lines[max(0, index - 2):index + 3]):
        text = " ".join(lines)
        ends = {end for end, pattern in ENDS.items() if re.search(pattern, text)}
        if ends:
            return ends
    return set()


def labels(tree):
    """every ordering label stands at an acquire and at a release"""
    seen = {}
    for file in tree.library_files():
        for index, line in enumerate(file.lines):
            for label in LABEL.findall(line):
                if label != "NAME":
                    place = f"{file.name}:{index + 1}"
                    seen.setdefault(label, []).append((place, ends_at(file, index)))
    for label, places in seen.items():
        missing = set(ENDS).difference(*(ends for _, ends in places))
        if missing or len(places) < 2:
            yield f"{places[0][0]}: [pairs: {label}] has no {' and no '.join(missing) or 'partner'}"


def labelled(tree):
    """every acquire and every release carries a label"""
    for file in tree.library_files():
        if DOOR.fullmatch(file.name):
            continue
        for index, line in enumerate(file.code):
            around = file.lines[max(0, index - 3):index + 2]
            if ORDERED.search(line) and not any(LABEL.search(near) for near in around):
                yield f"{file.name}:{index + 1}: no [pairs: ...] beside {ORDERED.search(line)[0]}"


def quiet_library(tree):
    """the library never prints, exits, aborts or asserts"""
    for file in tree.library_files():
        for number, line in enumerate(file.code, 1):
            match = FORBIDDEN_CALL.search(line)
            if match:
                yield f"{file.name}:{number}: calls {match[1]}"
    for member, _, symbol in symbols(tree, "--undefined-only"):
        if FORBIDDEN_SYMBOL.match(symbol):
            yield f"{member}: refers to {symbol}"


def symbols(tree, *options):
    """(member, type, name) of the built library's symbols."""
    listing = subprocess.run(["nm", "-A", "-P", *options, str(tree.library)], check=True,
                             capture_output=True, text=True).stdout
    for line in listing.splitlines():
        where, name, kind = line.split()[:3]
        yield re.sub(r".*\[(.*)\]:?", r"\1", where), kind, name


def exported_names(tree):
    """only takt_ names leave the library"""
    count = 0
    for member, _, name in symbols(tree, "--extern-only", "--defined-only"):
        count += 1
        if not name.startswith("takt_"):
            yield f"{member}: {name}"
    if count == 0:
        yield f"{tree.library}: defines nothing"


def process_state(tree):
    """the library keeps no process-wide state"""
    listing = subprocess.run(["objdump", "-t", str(tree.library)], check=True,
                             capture_output=True, text=True).stdout
    member = ""
    for line in listing.splitlines():
        if ":     file format" in line:
            member = line.split(":")[0]
        match = re.search(r"(\S+)\t([0-9a-f]+)\s+(?:\.hidden )?(\S+)$", line)
        # Relocated constants are written once, by the loader.
        if match and match[1].startswith((".data", ".bss", ".tdata", ".tbss", "*COM*")) and \
                not match[1].startswith(".data.rel.ro") and int(match[2], 16) > 0:
            yield f"{member}: {match[3]} in {match[1]}"


def whitespace(tree):
    """files end with one newline, no trailing blanks, no tabs in C"""
    for file in tree.files:
        if file.text and (not file.text.endswith("\n") or file.text.endswith("\n\n")):
            yield f"{file.name}:{len(file.lines)}: does not end with one newline"
        for number, line in enumerate(file.lines, 1):
            if line != line.rstrip():
                yield f"{file.name}:{number}: blanks at the end of the line"
            if "\t" in line and file.is_c:
                yield f"{file.name}:{number}: a tab"


def sizes(tree):
    """lines and files of code are of readable length"""
    for file in tree.files:
        if not file.is_code:
            continue
        if len(file.lines) > MOST_LINES:
            yield f"{file.name}:{len(file.lines)}: more than {MOST_LINES} lines"
        for number, line in enumerate(file.lines, 1):
            if len(line) > MOST_COLUMNS:
                yield f"{file.name}:{number}: {len(line)} columns"


def licences(tree):
    """every source names its licence in its first three lines"""
    for file in tree.files:
        if file.is_code and not any("SPDX-License-Identifier: MIT" in line
                                    for line in file.lines[:3]):
            yield f"{file.name}:1: no SPDX line"


def banned_words(tree):
    """nothing is left for later"""
    for file in tree.files:
        for number, line in enumerate(file.lines, 1):
            match = BANNED.search(line)
            if match:
                yield f"{file.name}:{number}: {match[0]}"


def criterion_gt(tree):
    """no unit test uses Criterion's gt, which passes on equality"""
    for file in tree.files:
        if file.folder == "test":
            for number, line in enumerate(file.code, 1):
                if re.search(r"\bgt\s*\(", line):
                    yield f"{file.name}:{number}: use lt with the operands swapped"


def version(tree):
    """the version is the same in meson.build and in version.h"""
    meson = next(file for file in tree.files if file.name == "meson.build")
    header = next(file for file in tree.files if file.name == "include/takt/version.h")
    project = re.search(r"^\s*version: '([^']+)'", meson.text, re.M)[1]
    parts = [re.search(rf"TAKT_VERSION_{part} (\d+)", header.text)[1]
             for part in ("MAJOR", "MINOR", "PATCH")]
    if project != ".".join(parts):
        yield f"{header.name}:1: {'.'.join(parts)}, but the project is {project}"


RULES = [include_order, public_headers, concurrency_kit, raw_atomics, labels, labelled,
         quiet_library, exported_names, process_state, whitespace, sizes, licences, banned_words,
         criterion_gt, version]


def check(tree):
    print(f"1..{len(RULES)}")
    failed = False
    for number, rule in enumerate(RULES, 1):
        findings = list(rule(tree))
        failed |= bool(findings)
        print(f"{'not ok' if findings else 'ok'} {number} - {rule.__doc__}")
        for finding in findings:
            print(f"# {finding}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(check(Tree(*sys.argv[1:3])))

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Shows that every rule of tidy.py can fail: each planted fault must be found by its rule, in its
place, and a tree without faults must pass. TAP."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import tidy  # noqa: E402 (the line above must come first)

SPDX = "/* SPDX-License-Identifier: MIT */\n"

CLEAN = {
    "meson.build": "# SPDX-License-Identifier: MIT\nproject('takt', 'c',\n  version: '1.2.3')\n",
    "include/takt/version.h": SPDX + "#define TAKT_VERSION_MAJOR 1\n#define TAKT_VERSION_MINOR 2\n"
                                     "#define TAKT_VERSION_PATCH 3\n",
    "include/takt/a.h": SPDX + "#include <stdint.h>\n#include <takt/version.h>\nint takt_a(int);\n",
    "disruptor/atomic.h": SPDX + '#include "disruptor/atomic_ck.h"\n',
    "disruptor/atomic_ck.h": SPDX + "#include <ck_pr.h>\n",
    "disruptor/a.c": SPDX + '#include <takt/a.h>\n#include "disruptor/atomic.h"\n'
                            "static const char *const names[] = {\"printf(\", \"b\"};\n"
                            "int takt_a(int x) { return names[x & 1][0]; } /* never abort() */\n",
    "shard/a.h": SPDX + '#include "disruptor/atomic.h"\n'
                        "/* takt__st64_rel(p, 1) release [pairs: here] */\n",
    "scheduler/a.c": SPDX + '#include "shard/a.h"\n'
                            "/* takt__ld64_acq(p) acquire [pairs: here] */\n",
    "test/unit/test_a.c": SPDX + '#include "scheduler/a.c"\n',
}

# What is compiled into the library of a tree, without ConcurrencyKit.
LIBRARY = "static const char *const names[] = {\"a\", \"b\"};\n" \
          "int takt_a(int x);\nint takt_a(int x) { return names[x & 1][0]; }\n"

# (rule, file, text, what the finding must contain). A C file is given its licence line first.
PLANTS = [
    (tidy.include_order, "disruptor/b.c", '#include "shard/a.h"\n', "disruptor/b.c:2"),
    (tidy.include_order, "shard/b.c", '#include "scheduler/a.c"\n', "shard/b.c:2"),
    (tidy.include_order, "shard/c.c", '#include "../scheduler/a.c"\n', "shard/c.c:2"),
    (tidy.include_order, "scheduler/b.c", '#include "test/unit/test_a.c"\n', "scheduler/b.c:2"),
    (tidy.public_headers, "include/takt/b.h", '#include "disruptor/atomic.h"\n', "b.h:2"),
    (tidy.public_headers, "include/takt/c.h", "#include <ck_pr.h>\n", "c.h:2"),
    (tidy.public_headers, "include/takt/d.h", "# include <jemalloc/jemalloc.h>\n", "d.h:2"),
    (tidy.concurrency_kit, "disruptor/d.c", "#include <ck_pr.h>\n", "disruptor/d.c:2"),
    (tidy.concurrency_kit, "shard/atomic.h", "#include <ck_pr.h>\n", "shard/atomic.h:2"),
    (tidy.concurrency_kit, "scheduler/d.c", "#include <ck_ec.h>\n", "scheduler/d.c:2"),
    (tidy.concurrency_kit, "shard/d.c", "#include <jemalloc/jemalloc.h>\n", "shard/d.c:2"),
    (tidy.raw_atomics, "shard/e.c", "int f(int *p) { return __sync_add_and_fetch(p, 1); }\n", ":2"),
    (tidy.raw_atomics, "disruptor/e.c", "#include <stdatomic.h>\n", "disruptor/e.c:2"),
    (tidy.raw_atomics, "include/takt/e.h", "#define f(p) __atomic_load_n(p, 0)\n", "e.h:2"),
    (tidy.labels, "disruptor/f.c", "/* release [pairs: alone] */\n", "f.c:2: [pairs: alone]"),
    (tidy.labels, "shard/f.c", "/* release [pairs: two] */\n/* release [pairs: two] */\n",
     "no acquire"),
    (tidy.labelled, "shard/g.c", "void g(void) { takt__st64_rel(&x, 1); }\n", "shard/g.c:2"),
    (tidy.quiet_library, "scheduler/h.c", "void h(void) { fprintf(f, s); }\n", "scheduler/h.c:2"),
    (tidy.quiet_library, "include/takt/h.h", "#define h(x) assert (x)\n", "h.h:2"),
    (tidy.whitespace, "shard/i.c", "int i; \n", "shard/i.c:2"),
    (tidy.whitespace, "shard/j.c", "int i;", "shard/j.c:2"),
    (tidy.whitespace, "shard/k.c", "int i;\n\n", "shard/k.c:3"),
    (tidy.whitespace, "shard/l.c", "\tint i;\n", "shard/l.c:2"),
    (tidy.sizes, "shard/m.c", f"int {'m' * 100};\n", "shard/m.c:2"),
    (tidy.sizes, "shard/n.c", "\n" * 450 + "int n;\n", "shard/n.c:452"),
    (tidy.licences, "tools/o.sh", "#!/bin/sh\n", "tools/o.sh:1"),
    (tidy.licences, "shard/meson.build", "takt_sources += []\n", "shard/meson.build:1"),
    (tidy.banned_words, "docs/p.md", "to do: " + "TO" "DO\n", "docs/p.md:1"),
    (tidy.banned_words, "shard/p.c", "/* " + "FIX" "ME */\n", "shard/p.c:2"),
    (tidy.criterion_gt, "test/unit/test_q.c", "cr_assert(gt(int, 2, 1));\n", "test_q.c:2"),
    (tidy.licences, "test/o.py", "#!/bin/sh\n\n\n# SPDX-License-Identifier: MIT\n", "test/o.py:1"),
    (tidy.version, "include/takt/version.h", "#define TAKT_VERSION_MAJOR 1\n"
     "#define TAKT_VERSION_MINOR 2\n#define TAKT_VERSION_PATCH 4\n", "1.2.4"),
]

# (rule, C source of the library, what the finding must contain)
COMPILED_PLANTS = [
    (tidy.exported_names, "int stray(void);\nint stray(void) { return 1; }\n", "stray"),
    (tidy.process_state, "static int count;\nint takt_b(void);\nint takt_b(void) "
                         "{ return count++; }\n", "count"),
    (tidy.process_state, "int takt_table[2] = {1, 2};\n", "takt_table"),
    (tidy.process_state, "static _Thread_local int mine = 3;\nint takt_c(void);\n"
                         "int takt_c(void) { return mine++; }\n", "mine"),
    (tidy.quiet_library, "#include <stdio.h>\nvoid takt_d(void);\nvoid takt_d(void) "
                         "{ (puts)(\"d\"); }\n", "puts"),
    (tidy.quiet_library, "#include <stdlib.h>\nvoid takt_e(void);\nvoid takt_e(void) "
                         "{ (abort)(); }\n", "abort"),
]


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def compile_library(folder, source):
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))))
    (folder / "a.c").write_text(source)
    subprocess.run([compiler, "-O1", "-fPIC", "-c", "a.c"], cwd=folder, check=True)
    subprocess.run(["ar", "rc", "libtakt.a", "a.o"], cwd=folder, check=True)
    return folder / "libtakt.a"


def with_licence(name, text):
    return SPDX + text if name.endswith((".c", ".h")) else text


def findings(rule, files, library):
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), files)
        return list(rule(tidy.Tree(folder, library)))


def cases(folder):
    """(what is shown, whether it holds, what was found instead)"""
    library = compile_library(folder, LIBRARY)
    for rule in tidy.RULES:
        found = findings(rule, CLEAN, library)
        yield f"{rule.__name__} passes a clean tree", not found, found
    for rule, name, text, expected in PLANTS:
        found = findings(rule, {**CLEAN, name: with_licence(name, text)}, library)
        yield f"{rule.__name__} finds {expected}", any(expected in one for one in found), found
    for rule, source, expected in COMPILED_PLANTS:
        found = findings(rule, CLEAN, compile_library(folder, LIBRARY + source))
        yield f"{rule.__name__} finds {expected}", any(expected in one for one in found), found
    planted = {rule for rule, *_ in PLANTS + COMPILED_PLANTS}
    bare = [rule.__name__ for rule in tidy.RULES if rule not in planted]
    yield "every rule has a planted fault", not bare, bare


def main():
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        number = 0
        for number, (what, holds, found) in enumerate(cases(Path(folder)), 1):
            failed |= not holds
            print(f"{'ok' if holds else 'not ok'} {number} - {what}")
            if not holds:
                print(f"# found: {found}")
        print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

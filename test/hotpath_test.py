#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What one claim and publish costs on a ring with one producer and room, and that running a shard
costs no locked instruction. TAP.

    hotpath_test.py LIBRARY COMPILER...

The promise (takt/ring.h): no call, no locked instruction, no fence, although consumers may be
asleep; and at most 16 instructions. The first part is read off the disassembly of a function that
claims a slot, stores an event in it and publishes: the way through it on which no conditional jump
is taken, the slow halves being behind forward branches. The second part is counted by callgrind: a
program that publishes N events in a loop is run with N and with 2 N, on a ring that has room for
all of them, so that the difference is N turns of the loop and nothing else. The same is done with a
loop that only counts and stores the event, always to the same place, and taken off. What is left is
takt_ring_next, takt_ring_at and takt_ring_publish.

A shard of a stage (shard/stage.c, shard/keys.c) is run without a locked instruction and without a
fence, although its stage may be divided anew at any time: there is none in the whole of those two
files, on any path, and they call nothing but what is listed here, each for a reason.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

INCLUDE = Path(__file__).resolve().parent.parent / "include"
MOST = 16
EVENTS = 20000
CAPACITY = 1 << 17
PUBLISH, REFERENCE = "publish", "reference"

FUNCTION = """
#include <takt/ring.h>

void claim_and_publish(takt_ring *ring, int64_t value);

void claim_and_publish(takt_ring *ring, int64_t value)
{
    int64_t s = takt_ring_next(ring, 1);
    *(int64_t *)takt_ring_at(ring, s) = value;
    takt_ring_publish(ring, s);
}
"""

PROGRAM = """
#include <stdlib.h>
#include <string.h>
#include <takt/ring.h>

__attribute__((noinline)) static void publish(takt_ring *ring, int64_t events)
{
    for (int64_t i = 0; i < events; i++) {
        int64_t s = takt_ring_next(ring, 1);
        *(int64_t *)takt_ring_at(ring, s) = i;
        takt_ring_publish(ring, s);
    }
}

__attribute__((noinline)) static void reference(volatile int64_t *slot, int64_t events)
{
    for (int64_t i = 0; i < events; i++)
        *slot = i;
}

int main(int argc, char **argv)
{
    takt_ring *ring;
    takt_sequence consumer;
    takt_ring_options options = {.size = sizeof options, .event_size = 8, .capacity = CAPACITY};
    int64_t events = argc > 2 ? atol(argv[2]) : 0;
    if (events <= 0 || takt_ring_create(&ring, &options) != 0)
        return 1;
    takt_sequence_init(&consumer, TAKT_SEQUENCE_INITIAL);
    takt_ring_add_gating(ring, &consumer);
    if (strcmp(argv[1], "publish") != 0) {
        reference(takt_ring_at(ring, 0), events);
        return 0;
    }
    publish(ring, events);
    if (takt_ring_cursor(ring) != events - 1)
        return 1;
    return *(int64_t *)takt_ring_at(ring, events - 1) == events - 1 ? 0 : 1;
}
"""


class Skip(Exception):
    pass


def run(*command):
    result = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                            timeout=120)
    if result.returncode != 0:
        raise RuntimeError(f"{command[0]} failed:\n{result.stdout}")
    return result.stdout


def compile_c(compiler, source, text, *arguments):
    source.write_text(text)
    run(*compiler, "-std=c17", "-O2", "-fno-unroll-loops", f"-I{INCLUDE}",
        f"-DCAPACITY={CAPACITY}", source, *arguments)


def disassemble(thing, function):
    """[(address, instruction, operands)] of a function."""
    listing = run("objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", thing)
    found = []
    for line in listing.splitlines():
        match = re.match(r"\s*([0-9a-f]+):\s+(.+?)\s*$", line)
        if match:
            words = re.sub(r"\s*#.*", "", match[2]).split(None, 1)
            while words[0] in ("notrack", "bnd", "rex.W", "data16", "cs") and len(words) > 1:
                words = words[1].split(None, 1)
            found.append((int(match[1], 16), words[0], words[1] if len(words) > 1 else ""))
    if not found:
        raise RuntimeError(f"no disassembly of {function}")
    return found


def target_of(operands):
    return int(re.match(r"([0-9a-f]+)", operands)[1], 16)


def fast_path(code):
    """The instructions of the way on which no conditional jump is taken, up to the return."""
    at = {address: index for index, (address, _, _) in enumerate(code)}
    index, path = 0, []
    while True:
        if len(path) > 1000 or index >= len(code):
            raise RuntimeError("the straight way does not end:\n" + show(path))
        address, name, operands = code[index]
        path.append((address, name, operands))
        if name in ("ret", "retq", "repz"):
            return path
        if name in ("jmp", "jmpq"):
            target = target_of(operands)
            if target not in at:
                return path  # a tail call, which is found below
            index = at[target]
        else:
            index += 1


def show(path):
    return "\n".join(f"{address:x}: {name} {operands}" for address, name, operands in path)


def faults(path):
    """What must not be on the fast path."""
    last = path[-1]
    for address, name, operands in path:
        what = None
        if name.startswith("call") or ((address, name, operands) == last and "jmp" in name):
            what = "a call"
        elif name.startswith("lock"):
            what = "a locked instruction"
        elif name.startswith(("xchg", "cmpxchg", "xadd")) and "(" in operands:
            what = "an exchange with memory"
        elif name in ("mfence", "lfence", "sfence", "cpuid", "serialize", "syscall"):
            what = "a fence"
        elif name.startswith("j") and not name.startswith("jmp") and target_of(operands) <= address:
            what = "a branch backwards"
        if what:
            yield f"{what}: {address:x}: {name} {operands}"


def member(library, name):
    """(instructions, names called) of one file of the library."""
    listing = run("objdump", "-dr", "--no-show-raw-insn", library)
    parts = re.split(r"^(\S+):\s+file format .*$", listing, flags=re.M)
    texts = [text for file, text in zip(parts[1::2], parts[2::2]) if file.endswith(name)]
    if len(texts) != 1:
        raise RuntimeError(f"{len(texts)} files {name} in {library}")
    code, called = [], set()
    for line in texts[0].splitlines():
        match = re.match(r"\s*([0-9a-f]+):\s+(R_\S+\s+)?(.+?)\s*$", line)
        if match and match[2]:
            target = re.match(r"[\w.]+", match[3])[0]
            if code and code[-1][1].startswith(("call", "jmp")) and not target.startswith("."):
                called.add(target)
        elif match:
            words = match[3].split(None, 1)
            code.append((int(match[1], 16), words[0], words[1] if len(words) > 1 else ""))
    return code, called


def locked(code):
    """The instructions that are locked, exchange with memory, or are fences."""
    return [f"{address:x}: {name} {operands}" for address, name, operands in code
            if name.startswith("lock") or
            (name.startswith(("xchg", "cmpxchg", "xadd")) and "(" in operands) or
            name in ("mfence", "lfence", "sfence", "cpuid", "serialize", "syscall")]


def callgrind(folder, program, what, events):
    """Instructions of a whole run."""
    out = folder / f"callgrind.{what}.{events}"
    said = run("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", program, what,
               str(events))
    match = re.search(r"Collected : (\d+)", said)
    if not match:
        raise RuntimeError(said)
    return int(match[1])


def per_event(folder, program, what):
    """(instructions, whether a third run says the same): N and 2 N have as many digits."""
    runs = [callgrind(folder, program, what, EVENTS * n) for n in (1, 2, 3)]
    first, second = ((runs[i + 1] - runs[i]) / EVENTS for i in (0, 1))
    return first, abs(first - second) < 0.02


def need(*tools):
    for tool in tools:
        if shutil.which(tool) is None:
            raise Skip(f"{tool} is not there")


def check_disassembly(folder, _, compiler):
    """no call, no locked instruction and no fence on the fast path"""
    need("objdump")
    compile_c(compiler, folder / "hot.c", FUNCTION, "-c", "-o", folder / "hot.o")
    path = fast_path(disassemble(folder / "hot.o", "claim_and_publish"))
    found = list(faults(path))
    return not found, f"{len(path)} instructions", "\n".join(found) + "\n" + show(path)


def check_finds_faults(folder, _, compiler):
    """the same look finds them where they are"""
    need("objdump")
    missed = []
    for name, body in (("a call", "takt_ring_halt(ring);"),
                       ("a locked instruction", "__atomic_fetch_add(&ring->claimed, 2, 5);"),
                       ("an exchange with memory",
                        "ring->mask = __atomic_exchange_n(&ring->claimed, 2, 5);"),
                       ("a fence", "__builtin_ia32_mfence();"),
                       ("a branch backwards", "while (*(volatile int64_t *)&ring->claimed < 0);")):
        text = FUNCTION.replace("takt_ring_publish(ring, s);", body + "takt_ring_publish(ring, s);")
        compile_c(compiler, folder / "bad.c", text, "-c", "-o", folder / "bad.o")
        found = list(faults(fast_path(disassemble(folder / "bad.o", "claim_and_publish"))))
        if not any(fault.startswith(name) for fault in found):
            missed.append(f"{name} was not found: {found}")
    return not missed, "", "\n".join(missed)


def check_count(folder, library, compiler):
    """at most 16 instructions to claim, find and publish a slot"""
    need("valgrind")
    program = folder / "count"
    compile_c(compiler, folder / "count.c", PROGRAM, "-o", program, library, "-pthread")
    loop, steady = per_event(folder, program, PUBLISH)
    bare, bare_steady = per_event(folder, program, REFERENCE)
    count = loop - bare
    details = f"{count:.2f}: {loop:.2f} in the loop, {bare:.2f} of them the loop's own"
    listing = ""
    if shutil.which("objdump"):
        listing = "\n" + show(disassemble(program, PUBLISH))
    return steady and bare_steady and 0 < count <= MOST + 0.01, details, details + listing


# Whom running a shard may call: the clock, around the handler; its own picking; what is there if
# the producers are many (a walk that may move the cursor); void events, if there have been any;
# and who sleeps at the shard's sequence, if somebody does.
MAY_CALL = {"takt_now", "takt__keys_pick", "takt__ring_advance", "takt__ring_may_be_void",
            "takt_ring_is_void", "takt__ring_skip_voids", "takt__sequence_wake"}


def check_shard(_, library, __):
    """running a shard takes no locked instruction and no fence"""
    need("objdump")
    found, count = [], 0
    for name in ("shard_stage.c.o", "shard_keys.c.o"):
        code, called = member(library, name)
        count += len(code)
        found += [f"{name}: {fault}" for fault in locked(code)]
        found += [f"{name}: calls {target}" for target in sorted(called - MAY_CALL)]
    if not locked(member(library, "shard_cut.c.o")[0]):
        found.append("the same look finds none in shard_cut.c.o, where there are some")
    return not found and count > 100, f"{count} instructions", "\n".join(found)


CHECKS = [check_disassembly, check_finds_faults, check_count, check_shard]


def main(library, compiler):
    print(f"1..{len(CHECKS)}")
    failed = False
    machine = run(*compiler, "-dumpmachine").strip()
    for number, check in enumerate(CHECKS, 1):
        note, passed, said, details = "", True, "", ""
        try:
            if not machine.startswith("x86_64"):
                raise Skip(f"{machine} is not x86-64")
            with tempfile.TemporaryDirectory() as folder:
                passed, said, details = check(Path(folder), library, compiler)
        except Skip as reason:
            note = f" # SKIP {reason}"
        except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
            passed, details = False, str(error)
        failed |= not passed
        said = f" ({said})" if said else ""
        print(f"{'ok' if passed else 'not ok'} {number} - {check.__doc__}{said}{note}", flush=True)
        if not passed:
            print("".join(f"# {line}\n" for line in details.splitlines()), end="")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

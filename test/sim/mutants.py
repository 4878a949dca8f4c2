#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Can the schedule explorer fail? Faults are planted in copies of the library, one at a time. TAP.

    mutants.py ROOT COMPILER...       all of them
    mutants.py --only NAME ROOT COMPILER...

A mutant is a piece of text in a file, what is put in its place, and the cases that must notice. The
library is compiled anew with it (a copy; ROOT is only read) and the explorer is run on those cases
alone; as many mutants at once as there are cores, each in a copy of its own. The first point is the
library as it is, on the same cases: it must pass.
"""

import os
import queue
import shutil
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.dont_write_bytecode = True

import explorer  # noqa: E402 (beside this file; no bytecode of it, either)

SCHEDULES = 60000
SOUND = 500  # of each case, that the library as it is must pass; the test `schedules` has more

# name, file, what stands there, what is put in its place, cases
MUTANTS = [
    ("a publish is not a release", "include/takt/ring.h",
     "takt__store_release(&ring->cursor.value, high);",
     "takt__store_relaxed(&ring->cursor.value, high);", ["ring_block"]),
    ("a sequence moves without a release", "include/takt/sequence.h",
     "takt__store_release(&s->value, value);",
     "takt__store_relaxed(&s->value, value);", ["ring_block"]),
    ("a sequence is read without an acquire", "disruptor/gate.h",
     "takt__ld64_acq(&takt__gate_member(gate, i)->value);",
     "takt__ld64_rlx(&takt__gate_member(gate, i)->value);", ["ring_block"]),
    ("a lap is published without a release", "disruptor/claim.c",
     "takt__st32_rel(&ring->laps[s & ring->mask],",
     "takt__st32_rlx(&ring->laps[s & ring->mask],", ["multi_small"]),
    ("the room that another found is taken without an acquire", "disruptor/claim.c",
     "takt__ld64_acq(&hidden->multi_room)",
     "takt__ld64_rlx(&hidden->multi_room)", ["multi_small"]),
    ("no barrier between arming and looking", "disruptor/await.c",
     "bool everywhere = takt__barrier_everywhere();",
     "bool everywhere = true;", ["sleep_at_one"]),
    ("the barrier is the caller's own", "disruptor/futex.c",
     "if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0)\n        return true;",
     "return true;", ["sleep_at_one"]),
    ("asleep at a sequence that need not move any more", "disruptor/await.c",
     "if (nothing && takt__ld64_rlx(&s->value) < what->wanted)",
     "if (nothing)", ["sleep_at_two"]),
    ("no look between arming and sleeping", "disruptor/await.c",
     "bool nothing = look(what) == NOTHING;\n    if (nothing && takt__ld64_rlx(&s->value) < "
     "what->wanted)", "if (true)", ["sleep_at_one"]),
    ("woken without the count being moved", "disruptor/wait.c",
     "takt__add32(&s->events, 1);", "(void)0;", ["sleep_at_one"]),
    ("one of several sleepers is woken", "disruptor/wait.c",
     "takt__futex_wake(&s->events, INT_MAX);",
     "takt__futex_wake(&s->events, 1);", ["two_sleepers"]),
    ("no look for sleepers after a publish", "include/takt/ring.h",
     "if (TAKT_UNLIKELY(takt__load32_relaxed(&ring->cursor.sleepers)))",
     "if (false)", ["ring_block"]),
    ("a halt does not wake the consumers", "disruptor/ring.c",
     "    takt__ring_wake(ring);\n    if (ring->hidden->park)", "    if (ring->hidden->park)",
     ["wait_halt"]),
    ("no fence between the room and the look at a halt", "disruptor/claim.c",
     "takt__fence(); /* a halt stores `halted` and then `room` */", "", ["halt_room"]),
    ("a gate is read without its version", "disruptor/gate.h",
     "if (TAKT_LIKELY(takt__ld32_rlx(&gate->version) == before))", "(void)before;",
     ["gate_hand_over"]),
    ("a newcomer does not look again where the others are", "disruptor/consumer.c",
     "if (now > begin)", "if (false)", ["graph_come_and_go", "graph_come"]),
    ("a shard is given up without a release", "shard/stage.h",
     "takt__st32_rel(&shard->owner, TAKT__VACANT);",
     "takt__st32_rlx(&shard->owner, TAKT__VACANT);", ["cut_two_workers"]),
    ("the cut is not raised to what was processed", "shard/cut.c",
     "if (end > change->cut)", "if (false)", ["cut_grow", "cut_two_workers"]),
    ("an old shard leaves before the new ones count", "shard/cut.c",
     "takt__gate_raise(&stage->gate);", "", ["cut_two_workers", "cut_there_and_back"]),
    ("keyed shards start before the old ones have left", "shard/stage.c",
     "if (stage->ordered && !takt__ld32_acq(&division->open))", "if (false)",
     ["cut_keyed", "cut_keyed_back"]),
    ("a key's state is handed over without an acquire", "shard/stage.c",
     "if (stage->ordered && !takt__ld32_acq(&division->open))",
     "if (stage->ordered && !takt__ld32_rlx(&division->open))", ["cut_keyed", "cut_keyed_back"]),
    ("a worker sleeps without looking once more", "scheduler/worker.c",
     "if (seat->shard || seat->stepped || is_called_off(w)) {",
     "if (is_called_off(w)) {", ["line_outside"]),
    ("a worker does not arm the producer", "scheduler/worker.c",
     "            takt__intake_arm(p);", "            (void)0;",
     ["line_two_workers"]),
    ("a worker does not arm the waiting room", "scheduler/overload.c",
     "takt__st32_rlx(&p->intake.sleepers, 1);", "(void)0;", ["duty_waiting"]),
    ("a tick wakes nobody beside who is stuck", "scheduler/scheduler.c",
     "            takt__runtime_wake_another(runtime);", "            (void)now;", ["duty_left"]),
    ("who replaces a source wakes nobody it has turned away", "scheduler/replace.c",
     "turned away by us. */\n    takt__runtime_step_cut(stage->pipeline->runtime, &stage->core);",
     "turned away by us. */\n    takt__cut_step(&stage->core);", ["life_replace"]),
    ("a pipeline is destroyed under who ends it", "scheduler/pipeline.c",
     "    takt__pipeline_await_callers(p);\n", "", ["life_halt"]),
    ("a pump is there before it is known as one", "scheduler/pipeline.c",
     "    p->intake.pump = true;\n    takt__stp_rel(&p->source, pump);",
     "    takt__stp_rel(&p->source, pump);\n    p->intake.pump = true;",
     ["life_early_waiting"]),
    ("a tap begins where its stage was when it came", "scheduler/tap.c",
     "if (slowest > begin) {", "if (slowest < begin) {", ["tap_outside", "tap_source"]),
    ("a tap joins without a barrier", "scheduler/tap.c",
     "takt__barrier_everywhere(); /* as in disruptor/consumer.c */", "",
     ["tap_outside", "tap_source"]),
    ("nobody is told that a tap stands further on", "scheduler/tap.c",
     "tell(tap->pipeline); /* the source may have waited for the tap where it stood first */", "",
     ["tap_source"]),
    ("who wakes a tap disarms the cursor", "disruptor/await.c",
     "takt__sequence_rouse((takt_sequence *)s);", "takt__sequence_wake((takt_sequence *)s);",
     ["tap_sleeps"]),
    ("an event is put into the waiting room without a release", "disruptor/waiting.c",
     "takt__st64_rel(&w->tail, ++tail);", "takt__st64_rlx(&w->tail, ++tail);", ["waiting_one"]),
    ("a slot is given back without a release", "disruptor/waiting.c",
     "takt__st64_rel(&w->back_tail, tail + n);", "takt__st64_rlx(&w->back_tail, tail + n);",
     ["waiting_one", "waiting_batches"]),
    ("an event is dropped without being won", "disruptor/waiting.c",
     "if (takt__cas64(&w->head, head, head + 1))",
     "takt__st64_rlx(&w->head, head + 1);\n        if (true)",
     ["waiting_one", "waiting_batches"]),
    ("events are taken without being won", "disruptor/waiting.c",
     "if (takt__cas64(&w->head, head, head + count))",
     "takt__st64_rlx(&w->head, head + count);\n        if (true)",
     ["waiting_one", "waiting_batches"]),
    ("what is put into the waiting room wakes nobody", "scheduler/source.c",
     "        wake(p);", "        (void)wake;", ["waiting_stop"]),
    ("a drain does not wait for who moves events to the ring", "scheduler/life.c",
     "(waiting || left ? waiting : moving)", "(moving ? waiting : waiting)", ["waiting_stop"]),
    ("the pump ends before what waits has entered the ring", "scheduler/overload.c",
     "return over && takt__waiting_count(in->waiting) == 0 ? code_at_end : 0;",
     "return over ? code_at_end : 0;", ["waiting_line", "waiting_line_two"]),
    ("closing a pipeline wakes nobody", "scheduler/life.c",
     "    takt__park_wake_one(&p->runtime->park);\n    go(p);", "    go(p);",
     ["line_outside"]),
    ("a helper leaves and wakes nobody in its place", "scheduler/help.c",
     "if (!takt__worker_stay(w, deadline))",
     "if (!takt__worker_stay(w, deadline) && false)", ["help_beside", "help_redivide"]),
    ("a helper that was woken leaves as if it had looked", "scheduler/worker.c",
     "            slept = true;\n", "", ["help_beside", "help_redivide", "help_recall"]),
    ("who was woken is rid of it by a look without a barrier", "scheduler/worker.c",
     "        relied_on = seat.shard ||",
     "        slept = false;\n        relied_on = seat.shard ||",
     ["duty_over"]),
    ("a helper called back goes to sleep", "scheduler/worker.c",
     "if (seat->shard || seat->stepped || is_called_off(w)) {",
     "if (seat->shard || seat->stepped || takt__ld32_rlx(&runtime->stopping)) {",
     ["help_recall"]),
    ("a pipeline is destroyed without looking at helpers", "scheduler/runtime.c",
     "for (uint32_t i = 0; i < runtime->crew; i++)\n        wait_for_pass",
     "for (uint32_t i = 0; i < runtime->started; i++)\n        wait_for_pass", ["help_destroy"]),
    ("a worker goes into reserve and wakes nobody in its place", "scheduler/worker.c",
     "        if (!takt__worker_stay(w, TAKT_FOREVER))\n", "        if (!takt__worker_stay(w, "
     "TAKT_FOREVER) && false)\n", ["duty_over", "duty_turns"]),
    ("who comes on duty is not woken", "scheduler/duty.c",
     "    if (more)\n        takt__park_wake_all(&runtime->duty.lot);\n", "    (void)more;\n",
     ["duty_stuck"]),
    ("the reserve takes its ticket after its look", "scheduler/duty.c",
     "takt__park_wait(&runtime->duty.lot, ticket, TAKT_FOREVER);",
     "(void)ticket;\n        takt__park_wait(&runtime->duty.lot,\n"
     "                        takt__park_ticket(&runtime->duty.lot), TAKT_FOREVER);",
     ["duty_stuck", "duty_end"]),
    ("the runtime ends and leaves the reserve asleep", "scheduler/runtime.c",
     "    takt__park_wake_all(&runtime->duty.lot);\n", "", ["duty_end"]),
    ("the runtime ends without waiting for helpers", "scheduler/runtime.c",
     "    takt__helpers_leave(runtime);\n", "", ["help_destroy", "help_alone"]),
]


class Explorer(explorer.Build):
    """The explorer of a copy; of a mutant only what it changes is compiled."""

    def build(self, changed):
        """None, or why it did not compile. A header concerns everything."""
        for source in self.sources:
            if changed.suffix == ".c" and source != changed:
                continue
            error = self.compile(source)
            if error:
                return error
        return self.link()

    def build_all(self, pool):
        return next(filter(None, pool.map(self.compile, self.sources)), None) or self.link()

    def failing(self, cases, schedules=SCHEDULES):
        """The report of the first of these cases that fails, or None."""
        for case in cases:
            report = self.run(["./explorer", "--case", case, "--schedules", str(schedules),
                               "--steps", "0"])
            if report:
                return report
        return None


class Plan:
    def __init__(self, count):
        print(f"1..{count}", flush=True)
        self.number, self.failed = 0, False
        self.lock = threading.Lock()

    def point(self, passed, text, details=""):
        with self.lock:
            self.number += 1
            self.failed |= not passed
            print(f"{'' if passed else 'not '}ok {self.number} - {text}")
            for line in (details or "").splitlines():
                print(f"# {line}")
            sys.stdout.flush()


def kill(program, mutant, plan):
    name, file, old, new, cases = mutant
    path = program.folder / file
    text = path.read_text()
    if text.count(old) != 1:
        plan.point(False, name, f"{file} has {text.count(old)} places like it")
        return
    path.write_text(text.replace(old, new))
    error = program.build(path)
    report = None if error else program.failing(cases)
    why = next((line[2:] for line in (report or "").splitlines()
                if line.startswith("# ") and " schedules in " not in line), "")
    plan.point(bool(report), f"{name}: {why or 'survives'}", error)
    path.write_text(text)
    if path.suffix == ".c":
        program.build(path)


def main(arguments):
    only = None
    if arguments[:1] == ["--only"]:
        only, arguments = arguments[1], arguments[2:]
    root, compiler = Path(arguments[0]).resolve(), arguments[1:]
    mutants = [mutant for mutant in MUTANTS if only in (None, mutant[0])]
    # Headers last: they leave objects that know them.
    mutants.sort(key=lambda mutant: mutant[1].endswith(".h"))
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(cores) as pool:
        folders = [Path(folder) / str(i) for i in range(cores)]
        explorer.copy_sources(root, folders[0])
        program = Explorer(compiler, folders[0])
        plan = Plan(len(mutants) + 1)
        error = program.build_all(pool)
        cases = sorted({case for mutant in mutants for case in mutant[4]})
        plan.point(not error and not program.failing(cases, SOUND), "the library as it is", error)
        vacant = queue.SimpleQueue()
        vacant.put(program)
        for copy in folders[1:]:
            shutil.copytree(folders[0], copy)
            vacant.put(Explorer(compiler, copy))

        def kill_in_copy(mutant):
            copy = vacant.get()
            try:
                kill(copy, mutant, plan)
            finally:
                vacant.put(copy)

        list(pool.map(kill_in_copy, mutants))
    return 1 if plan.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

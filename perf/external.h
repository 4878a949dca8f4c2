/* SPDX-License-Identifier: MIT */
/*
 * Systems in another language: a process that stays and is told what to run. The process is started
 * when its first run is due and lives until takt-perf ends; a JVM keeps what it compiled. It serves
 * as many systems as it likes: the request names the one.
 *
 * One run is one line of JSON on its standard input, and one line of JSON as the answer on its
 * standard output; what it prints on standard error is shown to the user. Between two runs it is
 * blocked in reading its input: it has no thread that spins. At the end of its input it exits.
 *
 * The request is an object with all the fields of struct perf_case:
 *
 *     {"system": "lmax", "scenario": "unicast", "shape": "unicast", "events": 3000000,
 *      "event_size": 8, "batch": 1, "capacity": 65536, "cost": [0, 0, 0, 0],
 *      "cost_then": [0, 0, 0, 0], "turn": 0, "rate": 0, "time_ns": 200000000, "cpus": []}
 *
 * shape is one of unicast, poller, multicast, pipeline, diamond, sequencer, pingpong, stages,
 * chain. Numbers are integers below 2^53. cpus is empty when nothing is to be pinned; the process
 * has been confined to the cpus as a whole already when it reads the line, so that a language that
 * cannot pin a thread may ignore it. Only cases that the system's can() accepts are sent.
 *
 * The answer is an object:
 *
 *     {"ns": 201334556, "checksum": "17446744073709551615"}
 *
 * ns is the time of the measured part: from just before the first event is published to when the
 * last consumer has had the last, without the start of threads and what they allocate. checksum is
 * that of work.h, decimal, in a string, because it has 64 bits. A run that measures latency adds
 * its histogram as pairs of nanoseconds and count, in any order, at three digits or better:
 *
 *     "latency": [[812, 4], [813, 17], [1024, 1]]
 *
 * What it cannot do it says, and stays alive:
 *
 *     {"error": "no such shape"}
 *
 * An answer that is no such object, an exit, or no answer within the limit is a failed run; the
 * process is killed and started again for the next one.
 */
#ifndef TAKT_PERF_EXTERNAL_H
#define TAKT_PERF_EXTERNAL_H

#include "bench.h"

/*
 * The program of one or more systems. In its words "@/" stands for the folder that takt-perf lies
 * in (build/perf/), wherever it was called from:
 *
 *     static const struct perf_external java = {
 *         .command = {"java", "-cp", "@/peers/lmax/lmax.jar", "Peer"},
 *         .built = "@/peers/lmax/lmax.jar",
 *     };
 *     static const struct perf_system lmax = {
 *         .name = "lmax", .about = "...", .peer = true, .can = can, .external = &java,
 *     };
 *     PERF_SYSTEM(lmax)
 */
struct perf_external {
    const char *command[16]; /* found along PATH if there is no slash in its first word */
    const char *built;       /* a file; while it is not there, the system is skipped as not built */
};

#endif

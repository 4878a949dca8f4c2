// SPDX-License-Identifier: MIT
package takt.perf;

/** What is to be run: struct perf_case, under the names that the request gives its fields. */
final class Case {
    String shape = "";
    long events;
    int event_size;
    int batch;
    int capacity;
    int[] cost = new int[4];
    int[] cost_then = new int[4];
    long turn;
    long rate;
    int[] cpus = new int[0];

    int words() {
        return event_size / Long.BYTES;
    }

    /** The same with another number of events. */
    Case with(long number) {
        Case other = new Case();
        other.shape = shape;
        other.events = number;
        other.event_size = event_size;
        other.batch = batch;
        other.capacity = capacity;
        other.cost = cost;
        other.cost_then = cost_then;
        other.turn = turn;
        other.rate = rate;
        other.cpus = cpus;
        return other;
    }
}

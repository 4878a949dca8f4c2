// SPDX-License-Identifier: MIT
package takt.perf;

import java.util.List;
import org.HdrHistogram.Histogram;

/** Four stages of given cost, one after the other; the last puts the words in order. */
final class Stages implements Shape<Stages.Event> {
    static final class Event {
        long due; // of a chain: when the event should have been sent
        long input, word0, word1, word2, word3;
    }

    static final class Stage extends Handler<Event> {
        private final int stage;
        private final int cost, then;
        private final long turn;
        private final Histogram latency; // null: not noted

        Stage(Case what, int stage, Histogram latency) {
            super(what);
            this.stage = stage;
            this.latency = latency;
            cost = what.cost[stage];
            then = what.cost_then[stage];
            turn = what.turn;
        }

        private static long step(long x, int steps) {
            for (int k = 0; k < steps; k++) {
                x = x * 6364136223846793005L + 1442695040888963407L;
            }
            return x;
        }

        @Override
        public void onEvent(Event event, long sequence, boolean endOfBatch) {
            int steps = (event.input & turn) != 0 ? then : cost;
            switch (stage) {
                case 0 -> event.word0 = step(event.input, steps);
                case 1 -> event.word1 = step(event.word0, steps);
                case 2 -> event.word2 = step(event.word1, steps);
                default -> {
                    event.word3 = step(event.word2, steps);
                    result = result * 31 + event.word3;
                    if (latency != null) {
                        long late = Math.max(System.nanoTime() - event.due, 0);
                        latency.recordValue(Math.min(late, Run.LATENCY_MOST_NS));
                    }
                }
            }
            done(sequence);
        }
    }

    private final Stage first, second, third, last;

    Stages(Case what) {
        this(what, null);
    }

    Stages(Case what, Histogram latency) {
        first = new Stage(what, 0, null);
        second = new Stage(what, 1, null);
        third = new Stage(what, 2, null);
        last = new Stage(what, 3, latency);
    }

    @Override
    public Event create() {
        return new Event();
    }

    @Override
    public void fill(Event event, long i) {
        event.input = i;
    }

    @Override
    public List<List<? extends Handler<Event>>> groups() {
        return List.of(List.of(first), List.of(second), List.of(third), List.of(last));
    }

    @Override
    public List<Stage> sinks() {
        return List.of(last);
    }
}

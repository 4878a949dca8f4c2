// SPDX-License-Identifier: MIT
package takt.perf;

import java.util.List;

/** Unicast, poller, sequencer: an event of so many words is written whole and summed up whole. */
final class Words implements Shape<Words.Event> {
    /** A scenario loads one of its subclasses only, so the compiler calls none indirectly. */
    abstract static class Event {
        abstract void fill(long i);

        abstract long sum(long sum);

        abstract long first();

        static Event of(int words) {
            return words == 1 ? new One() : words == 8 ? new Eight() : new Many(words);
        }
    }

    static final class One extends Event {
        private long value;

        @Override
        void fill(long i) {
            value = i;
        }

        @Override
        long sum(long sum) {
            return sum + value;
        }

        @Override
        long first() {
            return value;
        }
    }

    static final class Eight extends Event {
        private long w0, w1, w2, w3, w4, w5, w6, w7;

        @Override
        void fill(long i) {
            w0 = i;
            w1 = i + 1;
            w2 = i + 2;
            w3 = i + 3;
            w4 = i + 4;
            w5 = i + 5;
            w6 = i + 6;
            w7 = i + 7;
        }

        @Override
        long sum(long sum) {
            return sum + w0 + w1 + w2 + w3 + w4 + w5 + w6 + w7;
        }

        @Override
        long first() {
            return w0;
        }
    }

    static final class Many extends Event {
        private final long[] words;

        Many(int count) {
            words = new long[count];
        }

        @Override
        void fill(long i) {
            long[] w = words;
            for (int k = 0; k < w.length; k++) {
                w[k] = i + k;
            }
        }

        @Override
        long sum(long sum) {
            for (long word : words) {
                sum += word;
            }
            return sum;
        }

        @Override
        long first() {
            return words[0];
        }
    }

    static final class Sum extends Handler<Event> {
        Sum(Case what) {
            super(what);
        }

        @Override
        public void onEvent(Event event, long sequence, boolean endOfBatch) {
            result = event.sum(result);
            done(sequence);
        }
    }

    private final int words;
    private final List<Sum> sums;

    Words(Case what) {
        words = what.words();
        sums = List.of(new Sum(what));
    }

    @Override
    public Event create() {
        return Event.of(words);
    }

    @Override
    public void fill(Event event, long i) {
        event.fill(i);
    }

    @Override
    public List<List<? extends Handler<Event>>> groups() {
        return List.of(sums);
    }

    @Override
    public List<Sum> sinks() {
        return sums;
    }
}

// SPDX-License-Identifier: MIT
package takt.perf;

import java.util.List;

/** Pipeline: three steps, one after the other; the third counts. */
final class Pipeline implements Shape<Pipeline.Event> {
    static final class Event {
        long one, two, first, second;
    }

    static final class Step extends Handler<Event> {
        private final int step;

        Step(Case what, int step) {
            super(what);
            this.step = step;
        }

        @Override
        public void onEvent(Event event, long sequence, boolean endOfBatch) {
            switch (step) {
                case 0 -> event.first = event.one + event.two + (event.one & 7);
                case 1 -> event.second = event.first + 3;
                default -> {
                    if ((event.second & 4) == 4) {
                        result++;
                    }
                }
            }
            done(sequence);
        }
    }

    private final Step first, second, third;

    Pipeline(Case what) {
        first = new Step(what, 0);
        second = new Step(what, 1);
        third = new Step(what, 2);
    }

    @Override
    public Event create() {
        return new Event();
    }

    @Override
    public void fill(Event event, long i) {
        event.one = i;
        event.two = 777 - i;
    }

    @Override
    public List<List<? extends Handler<Event>>> groups() {
        return List.of(List.of(first), List.of(second), List.of(third));
    }

    @Override
    public List<Step> sinks() {
        return List.of(third);
    }
}

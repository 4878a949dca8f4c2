// SPDX-License-Identifier: MIT
package takt.perf;

import java.util.List;

/** Multicast: three consumers add, subtract and combine the value. */
final class Multicast implements Shape<Multicast.Event> {
    static final class Event {
        long value;
    }

    /** One class for all three, told apart by a switch, as LMAX's handlers of several steps are. */
    static final class Mutate extends Handler<Event> {
        private final int consumer;

        Mutate(Case what, int consumer) {
            super(what);
            this.consumer = consumer;
        }

        @Override
        public void onEvent(Event event, long sequence, boolean endOfBatch) {
            switch (consumer) {
                case 0 -> result += event.value;
                case 1 -> result -= event.value;
                default -> result = (result ^ event.value) + 1;
            }
            done(sequence);
        }
    }

    private final List<Mutate> consumers;

    Multicast(Case what) {
        consumers = List.of(new Mutate(what, 0), new Mutate(what, 1), new Mutate(what, 2));
    }

    @Override
    public Event create() {
        return new Event();
    }

    @Override
    public void fill(Event event, long i) {
        event.value = i;
    }

    @Override
    public List<List<? extends Handler<Event>>> groups() {
        return List.of(consumers);
    }

    @Override
    public List<Mutate> sinks() {
        return consumers;
    }
}

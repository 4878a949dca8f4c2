// SPDX-License-Identifier: MIT
//! disruptor-rs: handlers on threads that it manages, or its event poller. One producer and one
//! consumer spin, or yield if the system is disruptor-rs-yield; more threads always yield.

use crate::case::Case;
use crate::crew::{histogram, Crew, Member, Outcome, Tally};
use crate::work::{multicast, order, pong, FizzBuzz, Stages, Steps, Words};
use disruptor::wait_strategies::WaitStrategy;
use disruptor::{
    build_multi_producer, build_single_producer, BusySpin, Polling, Producer, Sequence,
};
use std::thread;
use std::time::Instant;

pub fn run(case: &Case) -> Result<Outcome, String> {
    match (case.shape.as_str(), case.event_size) {
        ("multicast", _) => Ok(multicast3(case)),
        ("pipeline", _) => Ok(pipeline3(case)),
        ("diamond", _) => Ok(diamond3(case)),
        ("stages", _) => Ok(stages4(case)),
        ("chain", _) if case.rate > 0 => Ok(chain4(case)),
        (_, 8) => run_words::<1>(case),
        (_, 64) => run_words::<8>(case),
        (_, 1024) => run_words::<128>(case),
        (shape, size) => Err(format!("no {shape} of {size} bytes")),
    }
}

fn run_words<const N: usize>(case: &Case) -> Result<Outcome, String> {
    let yielding = case.system == "disruptor-rs-yield";
    match case.shape.as_str() {
        "unicast" if yielding => Ok(unicast::<N>(case, Yield, false)),
        "unicast" => Ok(unicast::<N>(case, BusySpin, true)),
        "poller" => Ok(poller::<N>(case, !yielding)),
        "sequencer" => Ok(sequencer3::<N>(case)),
        "pingpong" => Ok(ping_pong::<N>(case)),
        other => Err(format!("no such shape: {other}")),
    }
}

/// For more threads than cores: who waits gives its core away.
#[derive(Clone, Copy)]
struct Yield;

impl WaitStrategy for Yield {
    #[inline]
    fn wait_for(&self, _: Sequence) {
        thread::yield_now();
    }
}

/// A state's initialiser runs in the handler's thread: there it is pinned and awaits the others.
fn tally(crew: &Crew, thread: usize) -> impl 'static + Send + FnOnce() -> Tally {
    let member = crew.member();
    move || Tally::begin(member, thread)
}

/// Publishes the events numbered first up to end. With a core for each thread, waiting for room
/// spins; else it yields.
fn publish<E, P: Producer<E>>(
    producer: &mut P,
    (first, end): (u64, u64),
    batch: usize,
    fill: impl Copy + Fn(&mut E, u64),
) {
    if batch == 1 {
        for i in first..end {
            producer.publish(|event| fill(event, i));
        }
        return;
    }
    let mut i = first;
    while i < end {
        let count = batch.min((end - i) as usize);
        producer.batch_publish(count, |events| {
            for event in events {
                fill(event, i);
                i += 1;
            }
        });
    }
}

fn publish_yielding<E, P: Producer<E>>(
    producer: &mut P,
    (first, end): (u64, u64),
    batch: usize,
    fill: impl Copy + Fn(&mut E, u64),
) {
    if batch == 1 {
        for i in first..end {
            while producer.try_publish(|event| fill(event, i)).is_err() {
                thread::yield_now();
            }
        }
        return;
    }
    let mut i = first;
    while i < end {
        let count = batch.min((end - i) as usize);
        let published = producer.try_batch_publish(count, |events| {
            for event in events {
                fill(event, i);
                i += 1;
            }
        });
        if published.is_err() {
            thread::yield_now();
        }
    }
}

/// A thread for the producer, which ends when the consumers have ended.
fn produce<E, P: Producer<E> + Send>(
    member: Member,
    mut producer: P,
    fill: impl Copy + Send + Fn(&mut E, u64),
    spin: bool,
) {
    thread::scope(|scope| {
        scope.spawn(move || {
            let range = (0, member.case().events);
            let batch = member.case().batch;
            member.begin_publishing(0);
            if spin {
                publish(&mut producer, range, batch, fill);
            } else {
                publish_yielding(&mut producer, range, batch, fill);
            }
        });
    });
}

fn unicast<const N: usize>(case: &Case, wait: impl WaitStrategy + 'static, spin: bool) -> Outcome {
    let crew = Crew::new(case, 2);
    let handle = |t: &mut Tally, event: &Words<N>, sequence: Sequence, _: bool| {
        t.result = event.sum(t.result);
        t.done(sequence);
    };
    let producer = build_single_producer(case.capacity, || Words::<N>::ZERO, wait)
        .handle_events_and_state_with(handle, tally(&crew, 1))
        .build();
    produce(crew.member(), producer, |event: &mut Words<N>, i| event.fill(i), spin);
    crew.outcome(1, 1)
}

fn poller<const N: usize>(case: &Case, spin: bool) -> Outcome {
    let crew = Crew::new(case, 2);
    let builder = build_single_producer(case.capacity, || Words::<N>::ZERO, BusySpin);
    let (mut poller, builder) = builder.new_event_poller();
    let producer = builder.build();
    let begin = tally(&crew, 1);
    let consumer = thread::spawn(move || {
        let mut tally = begin();
        let mut sequence = 0;
        loop {
            match poller.poll() {
                Ok(mut events) => {
                    for event in &mut events {
                        tally.result = event.sum(tally.result);
                        tally.done(sequence);
                        sequence += 1;
                    }
                }
                Err(Polling::NoEvents) if spin => continue,
                Err(Polling::NoEvents) => thread::yield_now(),
                Err(Polling::Shutdown) => break,
            }
        }
    });
    produce(crew.member(), producer, |event: &mut Words<N>, i| event.fill(i), spin);
    consumer.join().expect("a panic aborts");
    crew.outcome(1, 1)
}

fn sequencer3<const N: usize>(case: &Case) -> Outcome {
    let crew = Crew::new(case, 4);
    let handle = |t: &mut Tally, event: &Words<N>, sequence: Sequence, _: bool| {
        t.result = event.sum(t.result);
        t.done(sequence);
    };
    let producer = build_multi_producer(case.capacity, || Words::<N>::ZERO, Yield)
        .handle_events_and_state_with(handle, tally(&crew, 3))
        .build();
    thread::scope(|scope| {
        for p in 0..3 {
            let (member, mut producer) = (crew.member(), producer.clone());
            scope.spawn(move || {
                let share = member.case().events / 3;
                let range = (share * p, share * (p + 1));
                let batch = member.case().batch;
                member.begin_publishing(p as usize);
                publish_yielding(&mut producer, range, batch, |e: &mut Words<N>, i| e.fill(i));
            });
        }
    });
    drop(producer);
    crew.outcome(3, 1)
}

#[derive(Default)]
struct Value(u64);

fn multicast3(case: &Case) -> Outcome {
    let crew = Crew::new(case, 4);
    let mutate = |consumer: usize| {
        move |t: &mut Tally, event: &Value, sequence: Sequence, _: bool| {
            t.result = multicast(consumer, t.result, event.0);
            t.done(sequence);
        }
    };
    let producer = build_single_producer(case.capacity, Value::default, Yield)
        .handle_events_and_state_with(mutate(0), tally(&crew, 1))
        .handle_events_and_state_with(mutate(1), tally(&crew, 2))
        .handle_events_and_state_with(mutate(2), tally(&crew, 3))
        .build();
    produce(crew.member(), producer, |event: &mut Value, i| event.0 = i, false);
    crew.outcome(1, 3)
}

fn pipeline3(case: &Case) -> Outcome {
    let crew = Crew::new(case, 4);
    let third = |t: &mut Tally, event: &Steps, sequence: Sequence, _: bool| {
        t.result = event.third(t.result);
        t.done(sequence);
    };
    let producer = build_single_producer(case.capacity, Steps::default, Yield)
        .handle_events_and_state_with(|_, event: &Steps, _, _| event.first(), tally(&crew, 1))
        .and_then()
        .handle_events_and_state_with(|_, event: &Steps, _, _| event.second(), tally(&crew, 2))
        .and_then()
        .handle_events_and_state_with(third, tally(&crew, 3))
        .build();
    produce(crew.member(), producer, Steps::fill, false);
    crew.outcome(1, 1)
}

fn diamond3(case: &Case) -> Outcome {
    let crew = Crew::new(case, 4);
    let both = |t: &mut Tally, event: &FizzBuzz, sequence: Sequence, _: bool| {
        t.result = event.both(t.result);
        t.done(sequence);
    };
    let producer = build_single_producer(case.capacity, FizzBuzz::default, Yield)
        .handle_events_and_state_with(|_, event: &FizzBuzz, _, _| event.fizz(), tally(&crew, 1))
        .handle_events_and_state_with(|_, event: &FizzBuzz, _, _| event.buzz(), tally(&crew, 2))
        .and_then()
        .handle_events_and_state_with(both, tally(&crew, 3))
        .build();
    produce(crew.member(), producer, |event: &mut FizzBuzz, i| event.value = i, false);
    crew.outcome(1, 1)
}

fn stages4(case: &Case) -> Outcome {
    let crew = Crew::new(case, 5);
    let stage = |k: usize| {
        let case = case.clone();
        move |_: &mut Tally, event: &Stages, _: Sequence, _: bool| {
            event.stage(k, case.cost(k, event.input));
        }
    };
    let last = {
        let case = case.clone();
        move |t: &mut Tally, event: &Stages, sequence: Sequence, _: bool| {
            t.result = order(t.result, event.stage(3, case.cost(3, event.input)));
            t.done(sequence);
        }
    };
    let producer = build_single_producer(case.capacity, Stages::default, Yield)
        .handle_events_and_state_with(stage(0), tally(&crew, 1))
        .and_then()
        .handle_events_and_state_with(stage(1), tally(&crew, 2))
        .and_then()
        .handle_events_and_state_with(stage(2), tally(&crew, 3))
        .and_then()
        .handle_events_and_state_with(last, tally(&crew, 4))
        .build();
    produce(crew.member(), producer, |event: &mut Stages, i| event.input = i, false);
    crew.outcome(1, 1)
}

/// The stages behind a producer that sends at a fixed rate; the last stage notes the latency.
#[derive(Default)]
struct Due {
    at: u64, // nanoseconds since the epoch below
    stages: Stages,
}

fn since(epoch: Instant) -> u64 {
    epoch.elapsed().as_nanos() as u64
}

/// Waits until event i is due, counted from start; when it was. As perf_due() in perf/bench.h.
fn wait_until_due(rate: u64, epoch: Instant, start: u64, i: u64) -> u64 {
    let due = start + i / rate * 1_000_000_000 + i % rate * 1_000_000_000 / rate;
    while since(epoch) < due {
        thread::yield_now();
    }
    due
}

fn chain4(case: &Case) -> Outcome {
    let crew = Crew::new(case, 5);
    let epoch = Instant::now();
    let stage = |k: usize| {
        let case = case.clone();
        move |_: &mut Tally, event: &Due, _: Sequence, _: bool| {
            event.stages.stage(k, case.cost(k, event.stages.input));
        }
    };
    let last = {
        let case = case.clone();
        move |t: &mut Tally, event: &Due, sequence: Sequence, _: bool| {
            let word = event.stages.stage(3, case.cost(3, event.stages.input));
            t.result = order(t.result, word);
            if let Some(latency) = &mut t.latency {
                latency.saturating_record(since(epoch).saturating_sub(event.at));
            }
            t.done(sequence);
        }
    };
    let begin = tally(&crew, 4);
    let begin_last = move || {
        let mut tally = begin();
        tally.latency = Some(histogram());
        tally
    };
    let mut producer = build_single_producer(case.capacity, Due::default, Yield)
        .handle_events_and_state_with(stage(0), tally(&crew, 1))
        .and_then()
        .handle_events_and_state_with(stage(1), tally(&crew, 2))
        .and_then()
        .handle_events_and_state_with(stage(2), tally(&crew, 3))
        .and_then()
        .handle_events_and_state_with(last, begin_last)
        .build();
    let member = crew.member();
    thread::scope(|scope| {
        scope.spawn(move || {
            member.begin_publishing(0);
            let start = since(epoch);
            for i in 0..member.case().events {
                let due = wait_until_due(member.case().rate, epoch, start, i);
                let fill = |event: &mut Due, i| {
                    event.at = due;
                    event.stages.input = i;
                };
                publish_yielding(&mut producer, (i, i + 1), 1, fill);
            }
        });
    });
    crew.outcome(1, 1)
}

/// The answering end is a handler that publishes; the asking end polls for its answers.
fn ping_pong<const N: usize>(case: &Case) -> Outcome {
    let crew = Crew::new(case, 2);
    let back = build_single_producer(case.capacity, || Words::<N>::ZERO, BusySpin);
    let (mut answers, back) = back.new_event_poller();
    let mut back = back.build();
    let answer = move |_: &mut Tally, event: &Words<N>, _: Sequence, _: bool| {
        back.publish(|words| words.fill(pong(event.0[0])));
    };
    let mut there = build_single_producer(case.capacity, || Words::<N>::ZERO, BusySpin)
        .handle_events_and_state_with(answer, tally(&crew, 1))
        .build();
    let member = crew.member();
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut sum = 0;
            member.begin_publishing(0);
            for i in 0..member.case().events {
                there.publish(|words| words.fill(i));
                let mut waiting = true;
                while waiting {
                    if let Ok(mut events) = answers.poll() {
                        sum = (&mut events).fold(sum, |sum, words| words.sum(sum));
                        waiting = false;
                    }
                }
            }
            member.end(sum, None);
        });
    });
    crew.outcome(1, 1)
}

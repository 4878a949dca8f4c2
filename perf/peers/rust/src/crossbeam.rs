// SPDX-License-Identifier: MIT
//! crossbeam-channel: bounded channels with blocking send and receive, as its own benchmarks use
//! them. Events are moved in and out, one at a time: it has no batches.

use crate::case::Case;
use crate::crew::{Crew, Member, Outcome, Tally};
use crate::work::{pong, Words};
use crossbeam_channel::{bounded, Receiver, Sender};
use std::thread;

const GONE: &str = "the other end stays until it has had everything";

pub fn run(case: &Case) -> Result<Outcome, String> {
    match case.event_size {
        8 => run_sized::<1>(case),
        64 => run_sized::<8>(case),
        1024 => run_sized::<128>(case),
        other => Err(format!("no events of {other} bytes")),
    }
}

fn run_sized<const N: usize>(case: &Case) -> Result<Outcome, String> {
    match case.shape.as_str() {
        "unicast" => Ok(channel::<N>(case, 1)),
        "sequencer" => Ok(channel::<N>(case, 3)),
        "pingpong" => Ok(ping_pong::<N>(case)),
        other => Err(format!("no such shape: {other}")),
    }
}

fn message<const N: usize>(i: u64) -> Words<N> {
    let mut words = Words::<N>::ZERO;
    words.fill(i);
    words
}

fn produce<const N: usize>(member: Member, p: u64, producers: u64, channel: Sender<Words<N>>) {
    let share = member.case().events / producers;
    member.begin_publishing(p as usize);
    for i in share * p..share * (p + 1) {
        channel.send(message(i)).expect(GONE);
    }
}

fn consume<const N: usize>(member: Member, thread: usize, channel: Receiver<Words<N>>) {
    let events = member.case().events as i64;
    let mut tally = Tally::begin(member, thread);
    for i in 0..events {
        let words = channel.recv().expect(GONE);
        tally.result = words.sum(tally.result);
        tally.done(i);
    }
}

fn channel<const N: usize>(case: &Case, producers: usize) -> Outcome {
    let crew = Crew::new(case, producers + 1);
    let (sender, receiver) = bounded::<Words<N>>(case.capacity);
    thread::scope(|scope| {
        for p in 0..producers {
            let (member, sender) = (crew.member(), sender.clone());
            scope.spawn(move || produce(member, p as u64, producers as u64, sender));
        }
        let member = crew.member();
        scope.spawn(move || consume(member, producers, receiver));
    });
    crew.outcome(producers, 1)
}

fn ask<const N: usize>(member: Member, there: Sender<Words<N>>, back: Receiver<Words<N>>) {
    let mut sum = 0;
    member.begin_publishing(0);
    for i in 0..member.case().events {
        there.send(message(i)).expect(GONE);
        sum = back.recv().expect(GONE).sum(sum);
    }
    member.end(sum, None);
}

fn respond<const N: usize>(member: Member, there: Receiver<Words<N>>, back: Sender<Words<N>>) {
    member.begin(1);
    for _ in 0..member.case().events {
        let words = there.recv().expect(GONE);
        back.send(message(pong(words.0[0]))).expect(GONE);
    }
}

fn ping_pong<const N: usize>(case: &Case) -> Outcome {
    let crew = Crew::new(case, 2);
    let (ask_there, there) = bounded::<Words<N>>(case.capacity);
    let (answer_back, back) = bounded::<Words<N>>(case.capacity);
    thread::scope(|scope| {
        let (one, other) = (crew.member(), crew.member());
        scope.spawn(move || ask(one, ask_there, back));
        scope.spawn(move || respond(other, there, answer_back));
    });
    crew.outcome(1, 1)
}

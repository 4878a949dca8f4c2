// SPDX-License-Identifier: MIT
//! The threads of a run: they are pinned, begin together when all are there, and the consumers say
//! when they had the last event and what their result is.

use crate::case::Case;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Barrier};
use std::time::Instant;

pub type Histogram = hdrhistogram::Histogram<u64>;

const LATENCY_MOST_NS: u64 = 100_000_000_000;

pub fn histogram() -> Histogram {
    Histogram::new_with_max(LATENCY_MOST_NS, 3).expect("the bounds are in order")
}

pub struct Outcome {
    pub ns: u128,
    pub checksum: u64,
    pub latency: Option<Histogram>,
}

enum Report {
    Begin(Instant),
    End(Instant, u64, Option<Histogram>),
}

/// What each thread of a run has.
#[derive(Clone)]
pub struct Member {
    case: Arc<Case>,
    all_there: Arc<Barrier>,
    report: Sender<Report>,
}

impl Member {
    pub fn case(&self) -> &Case {
        &self.case
    }

    /// In the thread, when it is set up; returns when every thread has come so far.
    pub fn begin(&self, thread: usize) {
        self.case.pin(thread);
        self.all_there.wait();
    }

    /// The same in a thread that publishes: the first one's time is the run's beginning.
    pub fn begin_publishing(&self, thread: usize) {
        self.begin(thread);
        self.send(Report::Begin(Instant::now()));
    }

    /// In a consumer that has had the last event.
    pub fn end(&self, result: u64, latency: Option<Histogram>) {
        self.send(Report::End(Instant::now(), result, latency));
    }

    fn send(&self, report: Report) {
        self.report.send(report).expect("the run is awaited to its end");
    }
}

/// A consumer's share of a run. It lives in the consumer's thread.
pub struct Tally {
    pub result: u64,
    /// In nanoseconds, where it is measured.
    pub latency: Option<Histogram>,
    last: i64,
    member: Member,
}

impl Tally {
    pub fn begin(member: Member, thread: usize) -> Self {
        member.begin(thread);
        Tally { result: 0, latency: None, last: member.case().events as i64 - 1, member }
    }

    /// At the end of each event of a consumer whose result is a part of the checksum.
    #[inline]
    pub fn done(&mut self, sequence: i64) {
        if sequence == self.last {
            self.member.end(self.result, self.latency.take());
        }
    }
}

pub struct Crew {
    member: Member,
    reports: Receiver<Report>,
}

impl Crew {
    pub fn new(case: &Case, threads: usize) -> Self {
        let (report, reports) = channel();
        let all_there = Arc::new(Barrier::new(threads));
        Crew { member: Member { case: Arc::new(case.clone()), all_there, report }, reports }
    }

    pub fn member(&self) -> Member {
        self.member.clone()
    }

    /// Waits for the ends of so many consumers and the beginnings of so many producers.
    pub fn outcome(self, producers: usize, consumers: usize) -> Outcome {
        let mut begin = None;
        let mut end = None;
        let mut checksum = 0u64;
        let mut latency = None;
        for report in self.reports.iter().take(producers + consumers) {
            match report {
                Report::Begin(at) => begin = Some(begin.map_or(at, |b: Instant| b.min(at))),
                Report::End(at, result, measured) => {
                    latency = latency.or(measured);
                    end = Some(end.map_or(at, |e: Instant| e.max(at)));
                    checksum = checksum.wrapping_add(result);
                }
            }
        }
        let ns = end.zip(begin).map_or(0, |(end, begin)| (end - begin).as_nanos());
        Outcome { ns, checksum, latency }
    }
}

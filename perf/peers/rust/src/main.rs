// SPDX-License-Identifier: MIT
//! disruptor-rs and crossbeam's channel as peers of takt-perf: a line of JSON in says what to run,
//! a line of JSON out what came of it (perf/external.h).

mod case;
mod crew;
mod crossbeam;
mod disruptor_rs;
mod work;

use case::Case;
use crew::Outcome;
use serde_json::{json, Value};
use std::io::{self, BufRead, Write};

fn run(request: &str) -> Result<Outcome, String> {
    let case = Case::parse(request)?;
    match case.system.as_str() {
        "disruptor-rs" | "disruptor-rs-yield" => disruptor_rs::run(&case),
        "crossbeam" => crossbeam::run(&case),
        other => Err(format!("no such system: {other}")),
    }
}

fn answer(request: &str) -> Value {
    match run(request) {
        Ok(outcome) => {
            let mut answer = json!({
                "ns": outcome.ns as u64,
                "checksum": outcome.checksum.to_string(),
            });
            if let Some(latency) = outcome.latency {
                let seen = latency.iter_recorded();
                answer["latency"] = seen
                    .map(|value| json!([value.value_iterated_to(), value.count_at_value()]))
                    .collect();
            }
            answer
        }
        Err(why) => json!({ "error": why }),
    }
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        writeln!(out, "{}", answer(&line?))?;
        out.flush()?;
    }
    Ok(())
}

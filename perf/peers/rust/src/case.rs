// SPDX-License-Identifier: MIT
//! What is to be run: struct perf_case, under the names that the request gives its fields.

use core_affinity::CoreId;
use serde_json::Value;

#[derive(Clone)]
pub struct Case {
    pub system: String,
    pub shape: String,
    pub events: u64,
    pub event_size: usize,
    pub batch: usize,
    pub capacity: usize,
    pub cost: [u32; 4],
    pub cost_then: [u32; 4],
    pub turn: u64,
    pub rate: u64,
    pub cpus: Vec<usize>,
}

fn text(request: &Value, name: &str) -> Result<String, String> {
    let value = request[name].as_str();
    value.map(str::to_owned).ok_or_else(|| format!("the request has no text '{name}'"))
}

fn number(request: &Value, name: &str) -> Result<u64, String> {
    request[name].as_u64().ok_or_else(|| format!("the request has no number '{name}'"))
}

fn numbers(request: &Value, name: &str) -> Result<Vec<u64>, String> {
    let list = request[name].as_array();
    list.and_then(|list| list.iter().map(Value::as_u64).collect())
        .ok_or_else(|| format!("the request has no list of numbers '{name}'"))
}

fn costs(request: &Value, name: &str) -> Result<[u32; 4], String> {
    let list = numbers(request, name)?;
    let list: Vec<u32> = list.into_iter().map(|cost| cost as u32).collect();
    list.try_into().map_err(|_| format!("'{name}' is not one number for each of four stages"))
}

impl Case {
    pub fn parse(request: &str) -> Result<Self, String> {
        let request: Value = serde_json::from_str(request).map_err(|e| e.to_string())?;
        Ok(Case {
            system: text(&request, "system")?,
            shape: text(&request, "shape")?,
            events: number(&request, "events")?,
            event_size: number(&request, "event_size")? as usize,
            batch: number(&request, "batch")?.max(1) as usize,
            capacity: number(&request, "capacity")? as usize,
            cost: costs(&request, "cost")?,
            cost_then: costs(&request, "cost_then")?,
            turn: number(&request, "turn")?,
            rate: number(&request, "rate")?,
            cpus: numbers(&request, "cpus")?.into_iter().map(|cpu| cpu as usize).collect(),
        })
    }

    /// The steps of a stage on the event of this number.
    pub fn cost(&self, stage: usize, input: u64) -> u32 {
        if input & self.turn != 0 {
            self.cost_then[stage]
        } else {
            self.cost[stage]
        }
    }

    /// Pins the calling thread, the run's thread number `thread`, if there is anything to pin to.
    pub fn pin(&self, thread: usize) {
        if !self.cpus.is_empty() {
            let id = self.cpus[thread % self.cpus.len()];
            if !core_affinity::set_for_current(CoreId { id }) {
                eprintln!("rust: cannot pin a thread to core {id}");
            }
        }
    }
}

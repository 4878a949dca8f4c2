// SPDX-License-Identifier: MIT
//! The work on each event: what perf/work.h says, in Rust.

use std::arch::asm;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Unicast, poller, sequencer, ping-pong: an event of N words.
#[derive(Clone, Copy)]
pub struct Words<const N: usize>(pub [u64; N]);

impl<const N: usize> Words<N> {
    pub const ZERO: Self = Words([0; N]);

    #[inline]
    pub fn fill(&mut self, i: u64) {
        for (k, word) in self.0.iter_mut().enumerate() {
            *word = i.wrapping_add(k as u64);
        }
    }

    #[inline]
    pub fn sum(&self, sum: u64) -> u64 {
        self.0.iter().fold(sum, |sum, word| sum.wrapping_add(*word))
    }
}

#[inline]
pub fn pong(ping: u64) -> u64 {
    ping.wrapping_add(1)
}

#[inline]
pub fn multicast(consumer: usize, result: u64, value: u64) -> u64 {
    match consumer {
        0 => result.wrapping_add(value),
        1 => result.wrapping_sub(value),
        _ => (result ^ value).wrapping_add(1),
    }
}

/// A word that a stage writes and a later one reads. disruptor-rs lends its handlers events for
/// reading only, so what they write is an atomic; a relaxed access is an ordinary move.
#[derive(Default)]
pub struct Word(AtomicU64);

impl Word {
    #[inline]
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    #[inline]
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }
}

/// Pipeline.
#[derive(Default)]
pub struct Steps {
    one: u64,
    two: u64,
    first: Word,
    second: Word,
}

impl Steps {
    #[inline]
    pub fn fill(&mut self, i: u64) {
        self.one = i;
        self.two = 777u64.wrapping_sub(i);
    }

    #[inline]
    pub fn first(&self) {
        self.first.set(self.one.wrapping_add(self.two).wrapping_add(self.one & 7));
    }

    #[inline]
    pub fn second(&self) {
        self.second.set(self.first.get().wrapping_add(3));
    }

    #[inline]
    pub fn third(&self, count: u64) -> u64 {
        count + u64::from(self.second.get() & 4 == 4)
    }
}

/// Diamond.
#[derive(Default)]
pub struct FizzBuzz {
    pub value: u64,
    fizz: Word,
    buzz: Word,
}

impl FizzBuzz {
    #[inline]
    pub fn fizz(&self) {
        self.fizz.set(u64::from(self.value % 3 == 0));
    }

    #[inline]
    pub fn buzz(&self) {
        self.buzz.set(u64::from(self.value % 5 == 0));
    }

    #[inline]
    pub fn both(&self, count: u64) -> u64 {
        count + u64::from(self.fizz.get() != 0 && self.buzz.get() != 0)
    }
}

/// The value, which the compiler cannot see through; no instruction. Without it several steps of an
/// unrolled loop are folded into one multiplication.
#[inline]
fn opaque(value: u64) -> u64 {
    let mut value = value;
    // SAFETY: there is nothing in it; it only claims to change the register.
    unsafe {
        asm!("/* {0} */", inout(reg) value, options(pure, nomem, nostack, preserves_flags));
    }
    value
}

/// Stages of given cost.
#[derive(Default)]
pub struct Stages {
    pub input: u64,
    word: [Word; 4],
}

impl Stages {
    #[inline]
    pub fn stage(&self, k: usize, steps: u32) -> u64 {
        let mut x = if k > 0 { self.word[k - 1].get() } else { self.input };
        for _ in 0..steps {
            x = opaque(x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
        }
        self.word[k].set(x);
        x
    }
}

#[inline]
pub fn order(result: u64, word: u64) -> u64 {
    result.wrapping_mul(31).wrapping_add(word)
}

//! How the models get their programs: a random sequence of steps of four bytes each, from proptest or from a fuzzer.
//!
//! A model gives each step a meaning that fits wherever the program happens to be, so every sequence is a valid one, and
//! leaving any step out makes another valid one: that is what finding the shortest failing program lives on.

#![allow(dead_code, reason = "each model uses its own part of it")]

/// What is done (the first byte), and to what.
pub type Step = [u8; 4];

/// The steps in a fuzzer's bytes.
pub fn from_bytes(bytes: &[u8]) -> Vec<Step> {
    bytes.as_chunks().0.to_vec()
}

/// One of a few, by a step's byte: the last eight are likelier to have something going on than those before.
pub fn pick(len: usize, byte: u8) -> Option<usize> {
    let back = usize::from(byte) % len.clamp(1, if byte < 240 { 8 } else { len.max(1) });
    len.checked_sub(1 + back)
}

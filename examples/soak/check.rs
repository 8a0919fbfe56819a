//! The bytes that are sent, and the check of those that are received.

use std::sync::Arc;

use fastrand::Rng;

/// The longest message.
pub const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// The number of places at which messages begin.
const STARTS: usize = 1 << 16;

/// Random bytes that all messages are cut from. Each message begins at another place, and the bytes
/// never repeat. So the check finds bytes that are lost, doubled, swapped, or part of another message.
#[derive(Clone)]
pub struct Pattern(Arc<[u8]>);

impl Pattern {
    pub fn new(seed: u64) -> Pattern {
        let mut bytes = vec![0; MESSAGE_BYTES_MAX + STARTS];
        Rng::with_seed(seed).fill(&mut bytes);
        Pattern(bytes.into())
    }

    /// Returns a message of `length` bytes.
    pub fn cut(&self, rng: &mut Rng, length: usize) -> &[u8] {
        let start = rng.usize(..STARTS);
        &self.0[start..start + length]
    }

    /// Returns a message of at most `length_max` bytes. Lengths between 10 and 100 bytes are as
    /// frequent as lengths between 10,000 and 100,000.
    pub fn message(&self, rng: &mut Rng, length_max: usize) -> &[u8] {
        let length = (length_max as f64).powf(rng.f64()) as usize;
        self.cut(rng, length.clamp(1, length_max))
    }
}

/// Compares the received bytes with those that were sent, piece by piece.
pub struct Check<'a> {
    expected: &'a [u8],
    received: usize,
}

impl<'a> Check<'a> {
    pub fn new(expected: &'a [u8]) -> Check<'a> {
        Check { expected, received: 0 }
    }

    /// Compares the next piece.
    pub fn take(&mut self, piece: &[u8]) -> Result<(), String> {
        let (size, received) = (self.expected.len(), self.received);
        let expected = &self.expected[received..];
        if let Some(at) = piece.iter().zip(expected).position(|(is, should_be)| is != should_be) {
            return Err(format!(
                "wrong byte: number {} of {size} is {:#04x} instead of {:#04x}",
                received + at,
                piece[at],
                expected[at]
            ));
        }
        self.received += piece.len();
        if self.received > size {
            return Err(format!("{} bytes came back of the {size} that were sent", self.received));
        }
        Ok(())
    }

    pub fn left(&self) -> usize {
        self.expected.len() - self.received
    }

    /// Returns the number of received bytes, or an error if some are missing.
    pub fn end(&self) -> Result<u64, String> {
        match self.left() {
            0 => Ok(self.received as u64),
            left => Err(format!("the end came with {left} of {} bytes missing", self.expected.len())),
        }
    }
}

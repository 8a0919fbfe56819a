//! One direction of a connection: bytes that tell their place.

/// What one end has written and the other has read.
#[derive(Debug, Default)]
pub struct Flow {
    pub written: u64,
    pub read: u64,
    /// The writer has said that no more will come.
    pub shut: bool,
    /// The reader was told so.
    pub ended: bool,
    /// What had been written, and read, when the reader last got `WouldBlock`.
    drained_at: Option<u64>,
}

fn byte(place: u64) -> u8 {
    // Its period is not a power of two, as those of buffers are.
    (place % 251) as u8
}

impl Flow {
    pub fn next_bytes(&self, count: usize) -> Vec<u8> {
        (self.written..).take(count).map(byte).collect()
    }

    pub fn is_drained(&mut self) {
        // If bytes are under way, the loop may not have received their event yet.
        self.drained_at = (!self.shut && self.read == self.written).then_some(self.written);
    }

    /// Whether nothing has come since. Then the end is said to be readable for nothing: taken for another one.
    pub fn is_still_drained(&self) -> bool {
        self.drained_at == Some(self.written) && !self.shut
    }

    pub fn has_read(&mut self, bytes: &[u8]) -> Result<(), String> {
        let must: Vec<u8> = (self.read..).take(bytes.len()).map(byte).collect();
        if bytes != must {
            return Err(format!("wrong bytes at {}: {bytes:?}", self.read));
        }
        self.read += bytes.len() as u64;
        if self.read > self.written { Err("more bytes than were written".into()) } else { Ok(()) }
    }
}

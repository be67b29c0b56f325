//! Choices drawn from the bytes of an input, front to back.
//!
//! Equal bytes give equal choices in every build, so that a stored file stays the case it was.
//! Past the end everything is zero.

/// Ends a section of text. No UTF-8 text holds this byte.
pub const END: u8 = 0xfe;

/// The bytes of an input that are left.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a>(&'a [u8]);

impl<'a> Source<'a> {
    /// All of an input.
    pub fn new(bytes: &'a [u8]) -> Self {
        Source(bytes)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        byte
    }

    /// A number below `n` (at most 65,536), of two bytes if one does not suffice.
    pub fn below(&mut self, n: usize) -> usize {
        let mut value = usize::from(self.byte());
        if n > 256 {
            value = value << 8 | usize::from(self.byte());
        }
        value % n.max(1)
    }

    /// One of several things.
    pub fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.below(things.len())]
    }

    /// Eight bytes, little-endian.
    pub fn word(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// Any bits as f64.
    pub fn any_f64(&mut self) -> f64 {
        f64::from_bits(self.word())
    }

    /// A number of moderate size: 12 bits of significand, sign, and a power of two from 2⁻⁴ to 2³;
    /// one in 16 is zero.
    pub fn number(&mut self) -> f64 {
        let bits = u16::from_le_bytes([self.byte(), self.byte()]);
        let magnitude = f64::from(bits & 0xfff) / 256.0;
        let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
        match bits >> 12 & 7 {
            0 if bits & 1 == 0 => 0.0,
            e => sign * magnitude * f64::powi(2.0, i32::from(e) - 4),
        }
    }

    /// What stands before the next [`END`], which is taken too.
    pub fn section(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|&b| b == END);
        let (head, tail) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = tail.get(1..).unwrap_or(&[]);
        head
    }

    /// All that is left.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

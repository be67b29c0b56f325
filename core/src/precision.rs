//! The number formats: one table row each, from which everything else about them follows.

use core::fmt;
use core::str::FromStr;

/// A number format. [`Precision::format`] is the only place where its facts live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)] // The table below documents them.
pub enum Precision {
    F64,
    F32,
    Tf32,
    F16,
    Bf16,
    F8E4M3,
    F8E5M2,
    I8,
}

/// What a format may be used for in this project.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A tile of a Cholesky factor may be stored in it.
    Factor,
    /// A compute mode in 32-bit storage (tensor cores).
    Compute,
    /// Rounded to and stored, never factored.
    Storage,
    /// Genotype codes of the pair statistics.
    Pairs,
}

/// The facts about a format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Format {
    /// Short lower-case name, as the command line takes it.
    pub name: &'static str,
    /// Bytes of one stored value.
    pub bytes: usize,
    /// Significand bits with the implicit one; for `I8`, bits of the integer.
    pub digits: u32,
    /// Exponent of the smallest normal value 2^min_exponent.
    pub min_exponent: i32,
    /// Largest finite value.
    pub max: f64,
    /// Whether values past `max` become `max` (else they become infinite).
    pub saturates: bool,
    /// Format of the running sum of a product; `None` for `I8`, whose sums are 32-bit integers.
    pub accumulator: Option<Precision>,
    /// Use in this project.
    pub role: Role,
}

const fn row(
    name: &'static str,
    bytes: usize,
    digits: u32,
    min_exponent: i32,
    max: f64,
    accumulator: Precision,
    role: Role,
) -> Format {
    Format {
        name,
        bytes,
        digits,
        min_exponent,
        max,
        saturates: bytes == 1,
        accumulator: Some(accumulator),
        role,
    }
}

const F64: Format = row("f64", 8, 53, -1022, f64::MAX, Precision::F64, Role::Factor);
const F32: Format = row(
    "f32",
    4,
    24,
    -126,
    f32::MAX as f64,
    Precision::F32,
    Role::Factor,
);
/// Largest TF32 value, (2 − 2⁻¹⁰)·2¹²⁷.
const TF32_MAX: f64 = (2.0 - 1.0 / 1024.0) * 170141183460469231731687303715884105728.0;
const TF32: Format = row("tf32", 4, 11, -126, TF32_MAX, Precision::F32, Role::Compute);
const F16: Format = row("f16", 2, 11, -14, 65504.0, Precision::F32, Role::Factor);
/// Largest BF16 value, (2 − 2⁻⁷)·2¹²⁷.
const BF16_MAX: f64 = (2.0 - 1.0 / 128.0) * 170141183460469231731687303715884105728.0;
const BF16: Format = row("bf16", 2, 8, -126, BF16_MAX, Precision::F32, Role::Factor);
// OCP 8-bit floating point specification (OFP8, rev. 1.0), saturating conversion.
const F8E4M3: Format = row("f8e4m3", 1, 4, -6, 448.0, Precision::F32, Role::Factor);
const F8E5M2: Format = row("f8e5m2", 1, 3, -14, 57344.0, Precision::F32, Role::Storage);
const I8: Format = Format {
    name: "i8",
    bytes: 1,
    digits: 8,
    min_exponent: 0,
    max: 127.0,
    saturates: true,
    accumulator: None,
    role: Role::Pairs,
};

impl Precision {
    /// Every format, widest first.
    pub const ALL: [Precision; 8] = [
        Precision::F64,
        Precision::F32,
        Precision::Tf32,
        Precision::F16,
        Precision::Bf16,
        Precision::F8E4M3,
        Precision::F8E5M2,
        Precision::I8,
    ];

    /// The facts about this format.
    pub const fn format(self) -> &'static Format {
        match self {
            Precision::F64 => &F64,
            Precision::F32 => &F32,
            Precision::Tf32 => &TF32,
            Precision::F16 => &F16,
            Precision::Bf16 => &BF16,
            Precision::F8E4M3 => &F8E4M3,
            Precision::F8E5M2 => &F8E5M2,
            Precision::I8 => &I8,
        }
    }

    /// Bytes of one stored value.
    pub const fn bytes(self) -> usize {
        self.format().bytes
    }

    /// Unit roundoff u = 2^−digits of round-to-nearest; for `I8` ½, that of an integer.
    pub fn unit_roundoff(self) -> f64 {
        match self {
            Precision::I8 => 0.5,
            p => exp2(-(p.format().digits as i32)),
        }
    }

    /// Smallest positive value (a subnormal).
    pub fn min_positive(self) -> f64 {
        let f = self.format();
        exp2(f.min_exponent - (f.digits as i32 - 1) * i32::from(self != Precision::I8))
    }

    /// Whether a tile of a factor may be stored in this format.
    pub fn is_factor(self) -> bool {
        self.format().role == Role::Factor
    }

    /// The format that sums products of values of this format.
    ///
    /// # Panics
    /// For `I8`, whose sums are 32-bit integers.
    pub fn accumulator(self) -> Precision {
        self.format()
            .accumulator
            .expect("I8 accumulates in 32-bit integers")
    }
}

/// 2^e for any e, by construction of the bits; 0 below the subnormals, ∞ above the range.
#[inline]
pub fn exp2(e: i32) -> f64 {
    match e {
        1024.. => f64::INFINITY,
        -1022..=1023 => f64::from_bits(((e + 1023) as u64) << 52),
        -1074..=-1023 => f64::from_bits(1 << (e + 1074)),
        _ => 0.0,
    }
}

/// Floor of log₂|x| for finite non-zero x.
pub fn exponent(x: f64) -> i32 {
    let bits = x.to_bits() & !(1 << 63);
    match (bits >> 52) as i32 {
        0 => 63 - bits.leading_zeros() as i32 - 1074,
        e => e - 1023,
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.format().name)
    }
}

/// The text names no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPrecision;

impl fmt::Display for UnknownPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a number format; formats are")?;
        Precision::ALL.iter().try_for_each(|p| write!(f, " {p}"))
    }
}

impl core::error::Error for UnknownPrecision {}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = |p: &Precision| p.format().name.eq_ignore_ascii_case(text);
        Precision::ALL
            .into_iter()
            .find(named)
            .ok_or(UnknownPrecision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_agrees_with_the_storage_types() {
        assert_eq!(Precision::F64.unit_roundoff(), f64::EPSILON / 2.0);
        assert_eq!(
            Precision::F32.unit_roundoff(),
            f64::from(f32::EPSILON) / 2.0
        );
        assert_eq!(
            Precision::F16.unit_roundoff(),
            half::f16::EPSILON.to_f64() / 2.0
        );
        assert_eq!(Precision::F16.format().max, half::f16::MAX.to_f64());
        assert_eq!(
            Precision::F16.min_positive(),
            half::f16::MIN_POSITIVE_SUBNORMAL.to_f64()
        );
        assert_eq!(Precision::Bf16.format().max, half::bf16::MAX.to_f64());
        assert_eq!(
            Precision::Bf16.unit_roundoff(),
            half::bf16::EPSILON.to_f64() / 2.0
        );
        assert_eq!(Precision::F64.min_positive(), f64::from_bits(1));
        assert_eq!(Precision::F32.min_positive(), f64::from(f32::from_bits(1)));
        assert_eq!(Precision::F8E4M3.min_positive(), exp2(-9));
        assert_eq!(Precision::F8E5M2.min_positive(), exp2(-16));
    }

    #[test]
    fn names_are_read_back() {
        for p in Precision::ALL {
            assert_eq!(p.format().name.parse(), Ok(p));
        }
        assert_eq!("f7".parse::<Precision>(), Err(UnknownPrecision));
    }

    #[test]
    fn powers_of_two_and_exponents_are_inverse() {
        for e in -1074..=1023 {
            assert_eq!(exponent(exp2(e)), e);
            assert_eq!(exponent(-1.5 * exp2(e)), if e == -1074 { -1073 } else { e });
        }
        assert_eq!((exp2(-1075), exp2(1024)), (0.0, f64::INFINITY));
    }
}

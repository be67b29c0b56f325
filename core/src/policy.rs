//! Precision policies and plans: which tile of the factor is stored in which format.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::precision::Precision;
use crate::sym::{Blocks, SymTiles};

/// τ of the adaptive rule when none is given: what rounding does, against λ. Measured on the
/// cohorts: 0.8 factors and 20 breaks down; half the former.
pub const DEFAULT_TAU: f64 = 0.5;

/// How the formats of tiles are chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Policy {
    /// Every tile in the same format; diagonal tiles at least in F32.
    Uniform(Precision),
    /// The cheapest format p of the backend with u_p · (‖R_ij‖_F / b) · √N ≤ τ·λ.
    Adaptive {
        /// τ.
        tau: f64,
    },
    /// The published rule NT · ‖A_ij‖_F / ‖A‖_F ≤ ε / u_p (Higham and Mary 2022, "Mixed precision
    /// algorithms in numerical linear algebra"; used by the GWAS run on Alps), the smallest format.
    Norm {
        /// ε.
        epsilon: f64,
    },
    /// F64 within `width` block diagonals, F32 within twice as many, F16 beyond.
    Banded {
        /// Block diagonals in F64.
        width: usize,
    },
}

impl Policy {
    /// Whether plans need the norms of the tiles.
    pub fn needs_norms(&self) -> bool {
        matches!(self, Policy::Adaptive { .. } | Policy::Norm { .. })
    }

    /// Whether plans may hold formats of 16 and 8 bits, for which deflation pays.
    pub fn is_low(&self) -> bool {
        match self {
            Policy::Uniform(p) => p.bytes() < 4,
            _ => true,
        }
    }

    /// The plan for A = R + λI with tiles of norms `norms` (‖R_ij‖_F; zeros if not needed).
    ///
    /// `formats` are the backend's choice for adaptive plans, cheapest first. `supports` says which
    /// formats it stores; one that it lacks gives way to the next wider. Norms that are not finite, or whose squares overflow, plan nothing below F64.
    pub fn plan(
        &self,
        blocks: Blocks,
        norms: Option<&SymTiles<f64>>,
        ridge: f64,
        formats: &[Precision],
        supports: impl Fn(Precision) -> bool,
    ) -> SymTiles<Precision> {
        let total = norms.map_or(0.0, |norms| {
            let sum: f64 = norms
                .iter()
                .map(|((i, j), v)| if i == j { v * v } else { 2.0 * v * v })
                .sum();
            num_traits::Float::sqrt(sum)
        });
        let root = num_traits::Float::sqrt(blocks.rows as f64);
        SymTiles::from_fn(blocks.count(), |i, j| {
            let norm = norms.map_or(0.0, |norms| norms[(i, j)]);
            let chosen = match *self {
                Policy::Uniform(p) => p,
                Policy::Banded { width } => match (i - j) / width.max(1) {
                    0 => Precision::F64,
                    1 => Precision::F32,
                    _ => Precision::F16,
                },
                Policy::Adaptive { tau } => {
                    let mean = num_traits::Float::sqrt(
                        (blocks.range(i).len() * blocks.range(j).len()) as f64,
                    );
                    let effect = (norm / mean) * root;
                    let fits = |u| u * effect <= tau * ridge;
                    first(formats, &supports, |u| effect.is_finite() && fits(u))
                }
                Policy::Norm { epsilon } => {
                    let share = blocks.count() as f64 * norm;
                    let fits = |u| share * u <= epsilon * total;
                    first(&BY_SIZE, &supports, |u| total.is_finite() && fits(u))
                }
            };
            let mut stored = if i == j { on_diagonal(chosen) } else { chosen };
            while stored != Precision::F64 && !supports(stored) {
                stored = wider(stored);
            }
            stored
        })
    }
}

/// Factor formats, smallest first; of two with equal bytes the more accurate.
pub const BY_SIZE: [Precision; 4] = [
    Precision::F8E4M3,
    Precision::F16,
    Precision::F32,
    Precision::F64,
];

fn first(
    formats: &[Precision],
    supports: impl Fn(Precision) -> bool,
    fits: impl Fn(f64) -> bool,
) -> Precision {
    let fits = |p: &Precision| supports(*p) && fits(p.unit_roundoff());
    let found = formats.iter().copied().find(fits);
    found.unwrap_or(Precision::F64)
}

/// Diagonal tiles keep F32 or F64.
fn on_diagonal(p: Precision) -> Precision {
    if p == Precision::F64 {
        p
    } else {
        Precision::F32
    }
}

/// The same plan with every tile one format wider: 8 bits to F16, 16 bits to F32, else F64.
pub fn promoted(plan: &SymTiles<Precision>) -> SymTiles<Precision> {
    plan.map(|_, &p| wider(p))
}

fn wider(p: Precision) -> Precision {
    match p.bytes() {
        1 => Precision::F16,
        2 => Precision::F32,
        _ => Precision::F64,
    }
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Policy::Uniform(p @ (Precision::F64 | Precision::F32)) => p.fmt(f),
            Policy::Uniform(p) => write!(f, "uniform:{p}"),
            Policy::Adaptive { tau } => write!(f, "adaptive:{tau}"),
            Policy::Norm { epsilon } => write!(f, "norm:{epsilon}"),
            Policy::Banded { width } => write!(f, "banded:{width}"),
        }
    }
}

/// The text names no policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPolicy(String);

impl fmt::Display for UnknownPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "'{}' is not a precision policy; policies are f64, f32, adaptive, adaptive:TAU, \
             norm:EPS, uniform:FORMAT (f64, f32, f16, bf16, f8e4m3) and banded:WIDTH",
            self.0
        )
    }
}

impl core::error::Error for UnknownPolicy {}

impl FromStr for Policy {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownPolicy(text.into());
        let positive = |v: &str| match v.parse::<f64>() {
            Ok(v) if v > 0.0 && v.is_finite() => Ok(v),
            _ => Err(unknown()),
        };
        match text.split_once(':') {
            None if text == "f64" => Ok(Policy::Uniform(Precision::F64)),
            None if text == "f32" => Ok(Policy::Uniform(Precision::F32)),
            None if text == "adaptive" => Ok(Policy::Adaptive { tau: DEFAULT_TAU }),
            Some(("adaptive", v)) => Ok(Policy::Adaptive { tau: positive(v)? }),
            Some(("norm", v)) => Ok(Policy::Norm {
                epsilon: positive(v)?,
            }),
            Some(("banded", v)) => match v.parse() {
                Ok(width @ 1..) => Ok(Policy::Banded { width }),
                _ => Err(unknown()),
            },
            Some(("uniform", v)) => match v.parse::<Precision>() {
                // "f8" is short for the one 8-bit format that factors are stored in.
                Ok(p) if p.is_factor() => Ok(Policy::Uniform(p)),
                _ if v == "f8" => Ok(Policy::Uniform(Precision::F8E4M3)),
                _ => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for name in [
            "f64",
            "f32",
            "adaptive:0.5",
            "norm:0.001",
            "uniform:f8e4m3",
            "banded:2",
        ] {
            assert_eq!(alloc::format!("{}", name.parse::<Policy>().unwrap()), name);
        }
        assert_eq!(
            "adaptive".parse(),
            Ok(Policy::Adaptive { tau: DEFAULT_TAU })
        );
        for wrong in [
            "",
            "f16",
            "adaptive:0",
            "adaptive:nan",
            "norm:",
            "uniform:i8",
            "banded:0",
        ] {
            assert!(wrong.parse::<Policy>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_adaptive_rule_gives_each_format_its_range() {
        let blocks = Blocks::new(64, 16);
        // b = 16, √N = 8: the rule is u·norm/2 ≤ 0.5·λ.
        let norms = SymTiles::from_fn(4, |i, j| match (i, j) {
            (1, 0) => 16.0 * 0.01 * 0.99,
            (2, 0) => 16.0 * 0.01 * 1.01,
            (2, 1) => 2048.0 * 0.01 * 1.01,
            (3, 1) => 16_777_216.0 * 0.01 * 1.01,
            _ => 1.0,
        });
        let adaptive = Policy::Adaptive { tau: 0.5 };
        let plan = adaptive.plan(blocks, Some(&norms), 0.01, &BY_SIZE, |_| true);
        assert_eq!(plan[(1, 0)], Precision::F8E4M3);
        assert_eq!(plan[(2, 0)], Precision::F16);
        assert_eq!(plan[(2, 1)], Precision::F32);
        assert_eq!(plan[(3, 1)], Precision::F64);
        assert_eq!(plan[(0, 0)], Precision::F32);
        let large = |p| p != Precision::F8E4M3;
        let without = adaptive.plan(blocks, Some(&norms), 0.01, &BY_SIZE, large);
        assert_eq!(without[(1, 0)], Precision::F16);
        // A backend whose 8-bit products are no faster leaves them out.
        let formats = [Precision::Bf16, Precision::F32, Precision::F64];
        let fast = adaptive.plan(blocks, Some(&norms), 0.01, &formats, |_| true);
        assert_eq!(fast[(1, 0)], Precision::Bf16);
        assert_eq!(fast[(2, 1)], Precision::F32);
    }

    #[test]
    fn promotion_ends_in_f64() {
        let uniform = Policy::Uniform(Precision::F8E4M3);
        let mut plan = uniform.plan(Blocks::new(4, 2), None, 1.0, &BY_SIZE, |_| true);
        for expected in [
            Precision::F8E4M3,
            Precision::F16,
            Precision::F32,
            Precision::F64,
        ] {
            assert_eq!(plan[(1, 0)], expected);
            plan = promoted(&plan);
        }
        assert_eq!(plan[(0, 0)], Precision::F64);
    }
}

//! Kernel functions of the pair statistics.

use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::exp::exp;
use crate::pairs::{PairKind, Weighting};
use crate::precision::exp2;

/// A kernel function as users name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kernel {
    /// Z Zᵀ / s, Z centred dosages, s the mean of the diagonal: `linear`.
    Linear,
    /// Z Zᵀ / M′ with Z divided by the sample SD, M′ counting the SNPs that vary: `linear:std`.
    Standardised,
    /// Z Zᵀ / M with Z divided by √(2p(1−p)), as PLINK's `--make-rel`: `linear:2pq`.
    TwoPq,
    /// exp(−γ Σ(x−y)²): `gaussian`.
    Gaussian,
    /// exp(−γ Σ|x−y|): `laplacian`.
    Laplacian,
    /// 1 − Σ|x−y| / 2M: `ibs`.
    Ibs,
    /// (1 + linear)^D: `poly:D`.
    Poly(u32),
    /// Square of `linear:std`, entry by entry: `grm^2` (pairwise epistasis).
    GrmSquared,
}

impl Kernel {
    /// The pair statistic this kernel is a function of.
    pub fn pair_kind(self) -> PairKind {
        match self {
            Kernel::Linear | Kernel::Gaussian | Kernel::Poly(_) => PairKind::Squared,
            Kernel::Laplacian | Kernel::Ibs => PairKind::Absolute,
            Kernel::Standardised | Kernel::GrmSquared => PairKind::Product(Weighting::SampleSd),
            Kernel::TwoPq => PairKind::Product(Weighting::TwoPq),
        }
    }

    /// Whether the kernel has a bandwidth γ.
    pub fn has_gamma(self) -> bool {
        matches!(self, Kernel::Gaussian | Kernel::Laplacian)
    }

    /// Whether a ridge with this kernel is an additive (linear) model.
    pub fn is_linear(self) -> bool {
        matches!(self, Kernel::Linear | Kernel::Standardised | Kernel::TwoPq)
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kernel::Linear => f.pad("linear"),
            Kernel::Standardised => f.pad("linear:std"),
            Kernel::TwoPq => f.pad("linear:2pq"),
            Kernel::Gaussian => f.pad("gaussian"),
            Kernel::Laplacian => f.pad("laplacian"),
            Kernel::Ibs => f.pad("ibs"),
            Kernel::Poly(d) => write!(f, "poly:{d}"),
            Kernel::GrmSquared => f.pad("grm^2"),
        }
    }
}

/// The text names no kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownKernel;

impl fmt::Display for UnknownKernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a kernel; kernels are linear, linear:std, linear:2pq, gaussian, laplacian, ibs, \
             poly:D (D from 1 to 16) and grm^2",
        )
    }
}

impl core::error::Error for UnknownKernel {}

impl FromStr for Kernel {
    type Err = UnknownKernel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "linear" => Kernel::Linear,
            "linear:std" => Kernel::Standardised,
            "linear:2pq" => Kernel::TwoPq,
            "gaussian" => Kernel::Gaussian,
            "laplacian" => Kernel::Laplacian,
            "ibs" => Kernel::Ibs,
            "grm^2" => Kernel::GrmSquared,
            _ => match text.strip_prefix("poly:").map(str::parse) {
                Some(Ok(d @ 1..=16)) => Kernel::Poly(d),
                _ => return Err(UnknownKernel),
            },
        })
    }
}

/// Covariates inside a distance kernel: they add Σ_c (c_i − c_j)² to d², or Σ_c |c_i − c_j| to
/// d₁, in FP64. Weights are folded into the values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KernelCovariates {
    /// Covariates of one individual.
    pub count: usize,
    /// Values of the row individuals, one after the other.
    pub rows: Vec<f64>,
    /// Values of the column individuals, one after the other.
    pub cols: Vec<f64>,
}

/// A kernel function with every constant resolved: maps a stored pair to a kernel value.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelMap {
    /// The function.
    pub kernel: Kernel,
    /// Bandwidth γ of the distance kernels; ignored by the others.
    pub gamma: f64,
    /// Divisor: mean diagonal of the linear kernel, M or M′ of a standardised one, M of `ibs`.
    pub scale: f64,
    /// ‖x̂ − μ‖² of the row individuals, for `linear` and `poly`; else empty.
    pub rows: Vec<f64>,
    /// ‖x̂ − μ‖² of the column individuals, for `linear` and `poly`; else empty.
    pub cols: Vec<f64>,
    /// Covariates inside the kernel.
    pub covariates: Option<KernelCovariates>,
}

impl KernelMap {
    /// Kernel value of row individual `i` and column individual `j` whose pair statistic is
    /// `raw · 2^unit`.
    #[inline(always)]
    pub fn value(&self, raw: i64, unit: i32, i: usize, j: usize) -> f64 {
        self.apply(raw as f64 * exp2(unit), self.offset(i, j))
    }

    /// What a pair's kernel value depends on beside its statistic: the sum of both norms for
    /// `linear` and `poly`, the distance of the covariates for a distance kernel, else 0.
    #[inline]
    pub fn offset(&self, i: usize, j: usize) -> f64 {
        match self.kernel {
            Kernel::Linear | Kernel::Poly(_) => self.rows[i] + self.cols[j],
            _ => self.covariate_distance(i, j),
        }
    }

    /// Whether [`offset`](Self::offset) is 0 for every pair.
    pub fn is_of_statistic(&self) -> bool {
        self.covariates.is_none() && !matches!(self.kernel, Kernel::Linear | Kernel::Poly(_))
    }

    /// Whether [`offset`](Self::offset) is the distance of the covariates.
    pub fn has_covariate_distance(&self) -> bool {
        self.covariates.is_some() && !matches!(self.kernel, Kernel::Linear | Kernel::Poly(_))
    }

    /// Kernel value for statistic `d` and an [`offset`](Self::offset).
    #[inline(always)]
    pub fn apply(&self, d: f64, offset: f64) -> f64 {
        let linear = |d: f64| (offset - d) / (2.0 * self.scale);
        match self.kernel {
            Kernel::Linear => linear(d),
            Kernel::Poly(degree) => power(1.0 + linear(d), degree),
            Kernel::Standardised | Kernel::TwoPq => d / self.scale,
            Kernel::GrmSquared => (d / self.scale) * (d / self.scale),
            Kernel::Ibs => 1.0 - d / (2.0 * self.scale),
            // d ≥ 0 but for the rounding of μ²; k(0) = 1 then holds exactly.
            Kernel::Gaussian | Kernel::Laplacian => {
                exp(-self.gamma * (if d > 0.0 { d } else { 0.0 } + offset))
            }
        }
    }

    fn covariate_distance(&self, i: usize, j: usize) -> f64 {
        let Some(c) = &self.covariates else {
            return 0.0;
        };
        let pairs = c.rows[i * c.count..][..c.count]
            .iter()
            .zip(&c.cols[j * c.count..][..c.count]);
        match self.kernel {
            Kernel::Laplacian => pairs.map(|(a, b)| (a - b).abs()).sum(),
            _ => pairs.map(|(a, b)| (a - b) * (a - b)).sum(),
        }
    }

    /// Values for the statistics 0…`max` in units of 2^unit, if they depend on nothing else: a table
    /// lookup then replaces the function, with the same bits.
    pub fn table(&self, max: usize, unit: i32) -> Option<Vec<f64>> {
        let tabulated = matches!(
            self.kernel,
            Kernel::Gaussian | Kernel::Laplacian | Kernel::Ibs
        );
        (tabulated && self.is_of_statistic()).then(|| {
            let value = |d: usize| self.apply(d as f64 * exp2(unit), 0.0);
            (0..=max).map(value).collect()
        })
    }

    /// Smallest possible value is not below zero.
    pub fn is_nonnegative(&self) -> bool {
        match self.kernel {
            Kernel::Gaussian | Kernel::Laplacian | Kernel::Ibs | Kernel::GrmSquared => true,
            Kernel::Poly(d) => d % 2 == 0,
            Kernel::Linear | Kernel::Standardised | Kernel::TwoPq => false,
        }
    }
}

/// x^n by repeated multiplication, in a fixed order.
fn power(x: f64, n: u32) -> f64 {
    (1..n).fold(x, |product, _| product * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let names = "linear linear:std linear:2pq gaussian laplacian ibs poly:3 grm^2";
        for name in names.split(' ') {
            assert_eq!(alloc::format!("{}", name.parse::<Kernel>().unwrap()), name);
        }
        for wrong in ["", "rbf", "poly:", "poly:0", "poly:17", "poly:x", "linear:"] {
            assert_eq!(wrong.parse::<Kernel>(), Err(UnknownKernel), "{wrong}");
        }
    }

    #[test]
    fn the_table_has_the_bits_of_the_function() {
        let map = KernelMap {
            kernel: Kernel::Gaussian,
            gamma: 0.013,
            scale: 1.0,
            rows: Vec::new(),
            cols: Vec::new(),
            covariates: None,
        };
        let table = map.table(500, 0).unwrap();
        for (d, v) in table.iter().enumerate() {
            assert_eq!(v.to_bits(), map.value(d as i64, 0, 0, 0).to_bits());
            assert_eq!(
                v.to_bits(),
                map.value((d as i64) << 32, -32, 0, 0).to_bits()
            );
        }
        assert_eq!(table[0], 1.0);
    }
}

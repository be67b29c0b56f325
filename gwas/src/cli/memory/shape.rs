//! Genotypes by their sizes.

use epitile_core::genotypes::Genotypes;

/// Genotypes by the sizes that decide their memory.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Individuals.
    pub(crate) samples: usize,
    /// SNPs.
    pub(crate) snps: usize,
    /// 64-bit words in a row of a plane.
    pub(crate) words: usize,
    /// Whether calls are missing.
    pub(crate) missing: bool,
    /// Whether SNPs have weights (`--snp-weights`).
    pub(crate) weighted: bool,
}

impl From<&Genotypes> for Shape {
    fn from(calls: &Genotypes) -> Self {
        Shape {
            samples: calls.samples(),
            snps: calls.snps(),
            words: calls.words(),
            missing: calls.has_missing(),
            weighted: false,
        }
    }
}

impl Shape {
    /// The same with weights of SNPs, or without.
    pub(crate) fn with(self, weights: Option<&[f64]>) -> Self {
        Shape {
            weighted: weights.is_some(),
            ..self
        }
    }

    /// Bytes of bit planes.
    pub(super) fn planes(self) -> u64 {
        let planes = if self.missing { 3 } else { 2 };
        (self.samples * self.words * 8 * planes) as u64
    }
}

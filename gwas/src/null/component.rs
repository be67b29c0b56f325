//! What a null model may have a variance for: the kernels of ridge regression, and dominance.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use epitile_core::genotypes::{Counts, Genotypes};
use epitile_core::kernel::Kernel;
use faer::Mat;

use crate::dense::{for_each_column, product};

/// SNPs decoded at a time.
const SNPS: usize = 512;

/// A kernel by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// A kernel of a pair statistic.
    Kernel(Kernel),
    /// Z Zᵀ with Z the deviations from additivity, −2p², 2pq, −2q² for two, one, no counted
    /// alleles, q the frequency of the counted one: `dominance`. In Hardy–Weinberg equilibrium
    /// their mean is zero, and they are not correlated with the dosage (Vitezica et al. 2013).
    Dominance,
}

impl Component {
    /// The kernel of ridge regression, if it is one.
    pub fn kernel(self) -> Option<Kernel> {
        match self {
            Component::Kernel(kernel) => Some(kernel),
            Component::Dominance => None,
        }
    }

    /// Whether its variance is additive.
    pub fn is_additive(self) -> bool {
        self.kernel().is_some_and(Kernel::is_linear)
    }
}

impl fmt::Display for Component {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Component::Kernel(kernel) => kernel.fmt(f),
            Component::Dominance => f.pad("dominance"),
        }
    }
}

impl FromStr for Component {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "dominance" => Ok(Component::Dominance),
            _ => match text.parse() {
                Ok(kernel) => Ok(Component::Kernel(kernel)),
                Err(unknown) => Err(format!("{unknown}; or dominance")),
            },
        }
    }
}

/// A dosage's deviation from additivity, for the three dosages of a SNP; 0 where it does not vary.
pub fn deviations(counts: &Counts) -> [f64; 3] {
    let q = counts.frequency();
    let p = 1.0 - q;
    match counts.is_monomorphic() {
        true => [0.0; 3],
        false => [-2.0 * q * q, 2.0 * p * q, -2.0 * p * p],
    }
}

/// Σ z_i z_j of the deviations of the individuals `rows` over `snps`; frequencies are those of all
/// individuals of `genotypes`, and a missing call is 0. Sums of a fixed order of blocks.
/// 2·n²·M operations.
pub fn dominance(genotypes: &Genotypes, rows: &[u32], snps: Range<usize>) -> Mat<f64> {
    let n = rows.len();
    let mut sum = Mat::zeros(n, n);
    for first in snps.clone().step_by(SNPS) {
        let block = first..(first + SNPS).min(snps.end);
        let mut z = Mat::zeros(n, block.len());
        for_each_column(&mut z, |k, column| {
            let m = first + k;
            let code = deviations(&genotypes.counts()[m]);
            for (v, &i) in column.iter_mut().zip(rows) {
                let call = genotypes.dosage(i as usize, m);
                *v = call.map_or(0.0, |x| code[usize::from(x)]);
            }
        });
        let part = product(z.as_ref(), z.transpose());
        for_each_column(&mut sum, |j, column| {
            for (v, own) in column.iter_mut().zip(part.col_as_slice(j)) {
                *v += own;
            }
        });
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use epitile_core::genotypes::GenotypeBuilder;

    #[test]
    fn dominance_is_coded_by_the_frequency_of_the_counted_allele() {
        // q = 1/2 of five calls, and q = 1/4 of six.
        let mut builder = GenotypeBuilder::new(6);
        builder.segment("1");
        builder.push([Some(2), Some(2), Some(1), Some(0), Some(0), None]);
        builder.push([Some(2), Some(1), Some(0), Some(0), Some(0), Some(0)]);
        let genotypes = builder.finish();
        let codes = [[-0.5, 0.5, -0.5], [-0.125, 0.375, -1.125]];
        for (counts, expected) in genotypes.counts().iter().zip(codes) {
            assert_eq!(deviations(counts), expected);
        }
        // Numbers of few bits: sums are exact.
        let k = dominance(&genotypes, &[5, 0, 2], 0..2);
        assert_eq!(k[(0, 0)], 0.125 * 0.125);
        assert_eq!(k[(0, 1)], -0.125 * -1.125);
        assert_eq!(k[(1, 2)], -0.5 * 0.5 + -1.125 * -0.125);
        assert_eq!(k[(2, 1)], k[(1, 2)]);
        assert_eq!(
            dominance(&genotypes, &[5, 0, 2], 1..2)[(1, 1)],
            1.125 * 1.125
        );
    }

    #[test]
    fn names_are_read_back() {
        for name in ["dominance", "grm^2", "linear:2pq"] {
            assert_eq!(name.parse::<Component>().unwrap().to_string(), name);
        }
        assert!(
            "rbf"
                .parse::<Component>()
                .unwrap_err()
                .contains("dominance")
        );
    }
}

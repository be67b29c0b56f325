//! Dosages of some SNPs as columns.

use epitile_core::genotypes::Genotypes;
use faer::Mat;

use crate::dense::for_each_column;

/// Dosages of `snps` without their mean, a column each; 0 for missing calls. N·len operations.
pub(super) fn centred(of: &Genotypes, snps: &[usize]) -> Mat<f64> {
    let mut x = Mat::zeros(of.samples(), snps.len());
    for_each_column(&mut x, |k, column| {
        let (m, mean) = (snps[k], of.counts()[snps[k]].mean());
        let values = [0.0 - mean, 1.0 - mean, 2.0 - mean];
        let (word, bit) = of.position(m);
        let at = |plane: &[u64]| ((plane[word] >> bit) & 1) as usize;
        for (i, v) in column.iter_mut().enumerate() {
            *v = match of.missing(i).is_some_and(|plane| at(plane) == 1) {
                true => 0.0,
                false => values[at(of.some(i)) + at(of.two(i))],
            };
        }
    });
    x
}

/// The same divided by the standard deviation of the mean-imputed column; 0 for a SNP that does
/// not vary.
pub(super) fn standardised(of: &Genotypes, snps: &[usize]) -> Mat<f64> {
    let mut x = centred(of, snps);
    for_each_column(&mut x, |k, column| {
        let counts = &of.counts()[snps[k]];
        match counts.is_monomorphic() {
            true => column.fill(0.0),
            false => {
                let sd = counts.variance().sqrt();
                column.iter_mut().for_each(|v| *v /= sd);
            }
        }
    });
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use epitile_core::genotypes::GenotypeBuilder;

    #[test]
    fn columns_have_mean_zero_and_variance_one_and_missing_calls_are_means() {
        let mut builder = GenotypeBuilder::new(4);
        builder.segment("1");
        builder.push([Some(2), Some(0), None, Some(1)]);
        builder.push([Some(1), Some(1), None, Some(1)]);
        let calls = builder.finish();
        let x = centred(&calls, &[0]);
        assert_eq!(x.col_as_slice(0), [1.0, -1.0, 0.0, 0.0]);
        let z = standardised(&calls, &[1, 0]);
        assert_eq!(z.col_as_slice(0), [0.0; 4]);
        let square: f64 = z.col_as_slice(1).iter().map(|v| v * v).sum();
        // Three roundings of numbers about 1.
        assert!((square / 4.0 - 1.0).abs() <= 8.0 * f64::EPSILON);
    }
}

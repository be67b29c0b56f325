//! Standardised products over more SNPs than sums of 32 bits are kept for.

use epitile_core::backend::Backend;
use epitile_core::conformance::sample::Sample;
use epitile_core::pairs::{PairKind, PairStatistic, Weighting};

mod fake;

use fake::cuda;

#[test]
fn products_over_more_than_65_536_snps_are_exact() {
    let mut sample = Sample::new(1);
    let genotypes = sample.genotypes(9, &[300, 66_000], 40);
    for weighting in [Weighting::SampleSd, Weighting::TwoPq] {
        let statistic = PairStatistic::new(PairKind::Product(weighting), genotypes.counts());
        let panel = cuda().panel(genotypes.clone()).unwrap();
        let pairs = cuda().pairs(&statistic, &panel, None).unwrap();
        let all: Vec<u32> = (0..9).collect();
        let got = cuda().pair_block(&pairs, &all, &all).unwrap();
        for (at, got) in got.into_iter().enumerate() {
            let (i, j) = (at % 9, at / 9);
            assert_eq!(
                got,
                statistic.pair(&genotypes, i, &genotypes, j),
                "{i}, {j}"
            );
        }
    }
}

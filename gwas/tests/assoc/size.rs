//! Sizes of tests of binary traits beside a kernel: a small version of `examples/binary_size`.

#[path = "../../examples/binary_size/study.rs"]
mod study;

use epitile::assoc::binary::{Form, Model};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use study::{Cohort, Counts, LEVELS, Whom, gaussian, ln_p};

/// Four traits of one case in fifty controls: τ in all, and counts of the Gaussian score and of the
/// saddlepoint test beside the kernel, of 20,000 rare SNPs without an effect.
fn study(whom: Whom) -> (f64, Counts, Counts) {
    let (n, cases, traits, blocks) = (1020, 20, 4, 10);
    let mut rng = ChaCha8Rng::seed_from_u64(11);
    let cohort = Cohort::new(whom, n, 600, &mut rng);
    let [mut plain, mut mixed] = [Counts::default(); 2];
    let mut variances = 0.0;
    for _ in 0..traits {
        let y = cohort.status(cases, 0.6, &mut rng);
        let model = Model::beside(&cohort.kernel, vec![vec![1.0; n]], y.clone(), None).unwrap();
        variances += model.variance();
        for _ in 0..blocks {
            let block = cohort.null(500, (0.0025, 0.025), &mut rng);
            plain.add(gaussian(&y, &block));
            mixed.add(ln_p(&model, &[Form::Spa], &block).remove(0));
        }
    }
    (variances, plain, mixed)
}

#[test]
fn one_case_in_fifty_controls_beside_a_kernel_inflates_the_gaussian_score_and_not_the_saddlepoint()
{
    for whom in [Whom::Families, Whom::Populations] {
        let (variances, plain, mixed) = study(whom);
        let tests = mixed.tested as f64;
        assert!(tests > 19_000.0, "{tests}");
        for (k, level) in LEVELS.into_iter().enumerate() {
            let [[spa, low, high], [score, ..]] = [&mixed, &plain].map(|counts| counts.ratio(k));
            eprintln!("{whom:?}, {level}: {spa:.2} [{low:.2}, {high:.2}], Gaussian {score:.2}");
            // Three standard deviations above; 2 are expected at the lowest level, and 7 or more of a
            // Poisson count then have a chance of 0.4 %.
            let expected = level * tests;
            let most = expected + 3.0 * expected.sqrt();
            assert!(mixed.rejected[k] as f64 <= most, "{level}: {mixed:?}");
        }
        // Of the plain test the third level has several times as many as it should.
        assert!(plain.ratio(2)[0] >= 5.0, "{plain:?}");
        // The saddlepoint test is no test that never rejects.
        assert!(mixed.ratio(1)[0] >= 0.3, "{mixed:?}");
        // There is a random effect to be tested beside.
        assert!(variances > 0.4 || whom == Whom::Populations, "{variances}");
    }
}

//! How often tests of binary traits reject where nothing is to be found, one case in 50 controls.
//!
//! Related individuals (families of four full sibs) or structured ones (two populations, F_ST 0.01);
//! a liability of 40 % polygenic variance by SNPs that are all in the kernel; the 2 % with the
//! highest are cases. The SNPs tested are rare ones (0.25 to 2.5 %) without any effect and not in
//! the kernel, as if it left out their chromosome. Lines give rejections over their expected
//! number, with 95 % intervals as if all tests were independent.
//!
//!     cargo run --release --example binary_size -- \
//!         [families|populations [SAMPLES [TRAITS [SNPS_PER_TRAIT [SEED]]]]]
//!
//! The defaults, 2,040 individuals, 10 traits and 100,000 SNPs each, take a million tests.

mod study;

use epitile::assoc::binary::{Form, Model};
use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use study::{Cohort, Counts, LEVELS, Whom, gaussian, ln_p};

/// SNPs tested together.
const BLOCK: usize = 500;

/// SNPs of the kernel.
const POLYGENIC: usize = 2000;

fn main() {
    let mut given = std::env::args().skip(1);
    let whom = match given.next().as_deref() {
        None | Some("families") => Whom::Families,
        Some("populations") => Whom::Populations,
        Some(other) => panic!("'{other}': expected families or populations"),
    };
    let given: Vec<usize> = given.map(|a| a.parse().expect("a number")).collect();
    let or = |at: usize, default: usize| given.get(at).copied().unwrap_or(default);
    let (n, traits, snps) = (or(0, 2040), or(1, 10), or(2, 100_000));
    let mut rng = ChaCha8Rng::seed_from_u64(or(3, 1) as u64);
    let cohort = Cohort::new(whom, n, POLYGENIC, &mut rng);
    let forms = [Form::Score, Form::Spa];
    let tests = [
        "Gaussian score",
        "logistic, score",
        "logistic, spa",
        "mixed, score",
        "mixed, spa",
    ];
    let mut counts = vec![Counts::default(); tests.len()];
    for _ in 0..traits {
        let y = cohort.status(n / 51, 0.4, &mut rng);
        let x = vec![vec![1.0; n]];
        let plain = Model::new(x.clone(), y.clone()).expect("a model");
        let mixed = Model::beside(&cohort.kernel, x, y.clone(), None).expect("a model");
        println!("τ {:.3} after {} steps", mixed.variance(), mixed.steps());
        for _ in 0..snps / BLOCK {
            let block = cohort.null(BLOCK, (0.0025, 0.025), &mut rng);
            let [alone, beside] = [&plain, &mixed].map(|model| ln_p(model, &forms, &block));
            let all = std::iter::once(gaussian(&y, &block))
                .chain(alone)
                .chain(beside);
            for (counts, found) in counts.iter_mut().zip(all) {
                counts.add(found);
            }
        }
    }
    println!(
        "| {whom:?} | tests | {} |",
        LEVELS.map(|l| l.to_string()).join(" | ")
    );
    for (name, counts) in tests.iter().zip(&counts) {
        let cell = |k: usize| {
            let [ratio, low, high] = counts.ratio(k);
            format!("{ratio:.2} [{low:.2}, {high:.2}]")
        };
        let cells: Vec<String> = (0..LEVELS.len()).map(cell).collect();
        println!("| {name} | {} | {} |", counts.tested, cells.join(" | "));
    }
}

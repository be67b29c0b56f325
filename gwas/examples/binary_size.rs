//! How often tests of binary traits reject where nothing is to be found, one case in 50 controls.
//!
//! Families of four full sibs; a liability of 40 % polygenic variance by SNPs that are all in the
//! kernel; the 2 % with the highest are cases. The SNPs tested are rare ones without any effect,
//! inherited within the same families. Each level's line gives rejections over their expected
//! number.
//!
//!     cargo run --release --example binary_size -- [SAMPLES [TRAITS [SNPS_PER_TRAIT [SEED]]]]
//!
//! The defaults, 2,040 individuals, 10 traits and 100,000 SNPs each, take a million tests.

use epitile::assoc::binary::{Form, Model};
use epitile::dense::product;
use epitile::null::matrix::normalise;
use faer::Mat;
use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, StandardNormal};

const LEVELS: [f64; 4] = [0.05, 0.01, 0.001, 0.0001];

/// SNPs tested together.
const BLOCK: usize = 500;

/// SNPs of the kernel.
const POLYGENIC: usize = 2000;

/// Dosages of families of four: each parent's two alleles are drawn, each child gets one of both.
fn dosages(n: usize, frequency: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    let mut x = Vec::with_capacity(n);
    while x.len() < n {
        let parents: [f64; 4] = std::array::from_fn(|_| f64::from(rng.random_bool(frequency)));
        for _ in 0..4 {
            let mother = parents[usize::from(rng.random_bool(0.5))];
            x.push(mother + parents[2 + usize::from(rng.random_bool(0.5))]);
        }
    }
    x.truncate(n);
    x
}

fn main() {
    let given: Vec<usize> = std::env::args()
        .skip(1)
        .map(|a| a.parse().expect("a number"))
        .collect();
    let or = |at: usize, default: usize| given.get(at).copied().unwrap_or(default);
    let (n, traits, snps) = (or(0, 2040), or(1, 10), or(2, 100_000));
    let mut rng = ChaCha8Rng::seed_from_u64(or(3, 1) as u64);
    let mut z = Mat::zeros(n, POLYGENIC);
    for k in 0..POLYGENIC {
        let frequency = 0.05 + 0.45 * rng.random::<f64>();
        let x = dosages(n, frequency, &mut rng);
        let mean = x.iter().sum::<f64>() / n as f64;
        let sd = (2.0 * frequency * (1.0 - frequency)).sqrt();
        for (to, x) in z.col_as_slice_mut(k).iter_mut().zip(x) {
            *to = (x - mean) / sd;
        }
    }
    let mut k = product(z.as_ref(), z.transpose());
    normalise(&mut k, "polygenic").expect("SNPs that vary");
    let tests = [
        ("logistic, score", false, Form::Score),
        ("logistic, wald", false, Form::Wald),
        ("logistic, spa", false, Form::Spa),
        ("mixed, score", true, Form::Score),
        ("mixed, spa", true, Form::Spa),
    ];
    let mut rejected = vec![[0_usize; LEVELS.len()]; tests.len()];
    let mut tested = vec![0_usize; tests.len()];
    for _ in 0..traits {
        let effects = Mat::from_fn(POLYGENIC, 1, |_, _| StandardNormal.sample(&mut rng));
        let genetic = product(z.as_ref(), effects.as_ref());
        let noise = (0.6 / 0.4 * POLYGENIC as f64).sqrt();
        let liability: Vec<f64> = (0..n)
            .map(|i| {
                let e: f64 = StandardNormal.sample(&mut rng);
                genetic[(i, 0)] + noise * e
            })
            .collect();
        let mut sorted = liability.clone();
        sorted.sort_by(f64::total_cmp);
        let threshold = sorted[n - n / 51];
        let y: Vec<f64> = liability
            .iter()
            .map(|l| f64::from(*l >= threshold))
            .collect();
        let x = vec![vec![1.0; n]];
        let plain = Model::new(x.clone(), y.clone()).expect("a model");
        let mixed = Model::beside(&k, x, y, None).expect("a model");
        println!("τ {:.3} after {} steps", mixed.variance(), mixed.steps());
        for _ in 0..snps / BLOCK {
            let mut block = Mat::zeros(n, BLOCK);
            for k in 0..BLOCK {
                let frequency = 0.0025 + 0.0225 * rng.random::<f64>();
                let x = dosages(n, frequency, &mut rng);
                block.col_as_slice_mut(k).copy_from_slice(&x);
            }
            for (t, (_, beside, form)) in tests.iter().enumerate() {
                let model = if *beside { &mixed } else { &plain };
                for effect in model.test_block(*form, &block).into_iter().flatten() {
                    tested[t] += 1;
                    for (count, level) in rejected[t].iter_mut().zip(LEVELS) {
                        *count += usize::from(effect.ln_p <= level.ln());
                    }
                }
            }
        }
    }
    println!(
        "test              tests    {}",
        LEVELS.map(|l| format!("{l:<9}")).join("")
    );
    for (t, (name, ..)) in tests.iter().enumerate() {
        let ratio = |(count, level): (usize, f64)| count as f64 / (level * tested[t] as f64);
        let ratios = rejected[t].into_iter().zip(LEVELS).map(ratio);
        let ratios: Vec<String> = ratios.map(|r| format!("{r:<9.2}")).collect();
        println!("{name:<17} {:<8} {}", tested[t], ratios.join(""));
    }
}

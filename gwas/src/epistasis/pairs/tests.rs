//! Against definitions, on a few individuals.

use std::sync::Arc;

use epitile_core::dense::{dot, norm2};
use epitile_core::engine::InOrder;
use epitile_core::genotypes::{GenotypeBuilder, Genotypes};
use epitile_cpu::Cpu;
use faer::Mat;

use super::confirm::{Confirming, Task};
use super::dosages::{centred, standardised};
use super::kernels::Chromosomes;
use super::leads::Leads;
use super::limits::{Left, Limits, segment};
use super::model::Model;
use super::nominate::{curvature, nominate};
use super::thin::Thinning;
use super::top::Candidate;
use crate::assoc::effect::Effect;
use crate::cohort::Cohort;
use crate::dense::{Factor, combine, product};
use crate::epistasis::report::Code;
use crate::io::bim::Snp;
use crate::io::chromosome::ChromosomeSet;
use crate::io::fam::Sample;
use crate::null::contrast::Contrasts;
use crate::null::likelihood::Contrasted;
use crate::run::RunLog;
use crate::settings::Gammas;
use crate::tails::ln_f_tail;

mod confirm;
mod nominate;
mod thin;

const N: usize = 40;
/// Chromosomes and SNPs of each.
const SHAPE: (usize, usize) = (4, 9);

/// A number without pattern between 0 and 1.
fn noise(i: usize) -> f64 {
    let x = (i as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95);
    ((x ^ (x >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11) as f64 / (1u64 << 53) as f64
}

/// A cohort with a SNP every 3 Mb, some missing calls, one SNP of chromosome 4 that does not vary
/// and one of chromosome 2 that equals its neighbour.
fn cohort(n: usize) -> Cohort {
    let mut builder = GenotypeBuilder::new(n);
    let mut snps = Vec::new();
    for c in 0..SHAPE.0 {
        builder.segment((c + 1).to_string());
        for k in 0..SHAPE.1 {
            let m = c * SHAPE.1 + k;
            let like = if (c, k) == (1, 5) { m - 1 } else { m };
            let call = |i: usize| match (c, k) {
                (3, 2) => Some(1),
                _ if noise(i * 977 + like * 13) < 0.03 => None,
                _ => {
                    let p = 0.25 + 0.5 * noise(like + 5000);
                    let allele = |h: usize| u8::from(noise((i * 2 + h) * 101 + like * 7919) < p);
                    Some(allele(0) + allele(1))
                }
            };
            builder.push((0..n).map(call));
            snps.push(Snp {
                chromosome: (c + 1).to_string(),
                id: format!("s{m}"),
                position: 3_000_000 * (k as i64 + 1),
                ..Snp::default()
            });
        }
    }
    let samples = (0..n).map(|i| Sample::new(format!("i{i}"), format!("i{i}")));
    let set = ChromosomeSet::default();
    Cohort::from_parts(samples.collect(), snps, builder.finish(), set).unwrap()
}

fn traits(n: usize) -> (Vec<Vec<f64>>, Vec<f64>) {
    let x = vec![
        vec![1.0; n],
        (0..n).map(|i| noise(i + 90_000)).collect::<Vec<f64>>(),
    ];
    // Sums of three are nearly normal.
    let y = (0..n).map(|i| (0..3).map(|k| noise(3 * i + k + 40_000)).sum::<f64>());
    (x, y.collect())
}

/// Dosages, missing calls being means.
fn imputed(of: &Genotypes) -> Vec<Vec<f64>> {
    let value = |i: usize, m: usize| match of.dosage(i, m) {
        Some(x) => f64::from(x),
        None => of.counts()[m].mean(),
    };
    let row = |i: usize| (0..of.snps()).map(|m| value(i, m)).collect();
    (0..of.samples()).map(row).collect()
}

/// The Gaussian kernel between two rows.
fn gauss(gamma: f64, x: &[f64], y: &[f64]) -> f64 {
    let d: f64 = x.iter().zip(y).map(|(x, y)| (x - y).powi(2)).sum();
    (-gamma * d).exp()
}

/// The model of some weights, and its kernel by plain loops.
fn model(of: &Genotypes, gamma: f64) -> (Model, Vec<f64>) {
    let x = imputed(of);
    let n = x.len();
    let kernel = Mat::from_fn(n, n, |i, j| gauss(gamma, &x[i], &x[j]));
    let alpha: Vec<f64> = (0..n).map(|i| noise(i + 777) - 0.5).collect();
    let model = Model::with(gamma, kernel, vec![(alpha.clone(), 1.0)]);
    (model, alpha)
}

//! Lead SNPs: each the most significant of those that no SNP before it stands for (greedy, as
//! PLINK's `--clump`). A SNP stands for those near it in linkage disequilibrium with it.

use rayon::prelude::*;

use super::block::{Block, SNPS};
use super::linkage::{pairs, square};
use crate::error::Result;
use crate::io::bed::{Bed, Packed};

/// When a SNP stands for another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clump {
    /// p of a lead SNP at most; the threshold of the run if absent.
    pub p: Option<f64>,
    /// r² at least.
    pub r2: f64,
    /// Distance at most, in thousands of base pairs.
    pub kb: f64,
}

impl Default for Clump {
    fn default() -> Self {
        Clump {
            p: None,
            r2: 0.5,
            kb: 250.0,
        }
    }
}

/// A SNP of a chromosome.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Its place in the `.bim`.
    pub place: u32,
    /// Position.
    pub position: i64,
    /// −log₁₀ p; NaN without a test.
    pub log10p: f64,
}

/// A lead SNP, and the SNPs it stands for: places in the list of points, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locus {
    /// The lead.
    pub lead: usize,
    /// The others.
    pub others: Vec<usize>,
}

/// Loci of a chromosome in order of p, ties in the order of `points`. r² is that of haplotypes of
/// the individuals `rows` of the file who have both calls. Without positions (`placed` false) each
/// SNP stands for itself. N operations for each SNP near a lead.
///
/// # Errors
/// `Read`.
pub fn clump(
    bed: &mut Bed,
    rows: &[u32],
    (points, placed): (&[Point], bool),
    (limit, rule): (f64, &Clump),
) -> Result<Vec<Locus>> {
    let mut order: Vec<usize> = (0..points.len())
        .filter(|&k| points[k].log10p >= limit)
        .collect();
    order.sort_by(|&a, &b| {
        points[b]
            .log10p
            .total_cmp(&points[a].log10p)
            .then(a.cmp(&b))
    });
    let mut free: Vec<bool> = points.iter().map(|p| !p.log10p.is_nan()).collect();
    let mut loci = Vec::new();
    for lead in order {
        if !free[lead] {
            continue;
        }
        free[lead] = false;
        let near = |k: &usize| {
            let apart = points[*k].position.abs_diff(points[lead].position);
            placed && free[*k] && apart as f64 <= 1000.0 * rule.kb
        };
        let near: Vec<usize> = (0..points.len()).filter(near).collect();
        let squares = correlations(bed, rows, points, (lead, &near))?;
        let others = near.into_iter().zip(squares);
        let others: Vec<usize> = others
            .filter(|(_, r2)| *r2 >= rule.r2)
            .map(|(k, _)| k)
            .collect();
        others.iter().for_each(|&k| free[k] = false);
        loci.push(Locus { lead, others });
    }
    Ok(loci)
}

/// r² of the lead with each SNP of `near`.
fn correlations(
    bed: &mut Bed,
    rows: &[u32],
    points: &[Point],
    (lead, near): (usize, &[usize]),
) -> Result<Vec<f64>> {
    let mut own = Vec::new();
    bed.visit(&[points[lead].place], |_, calls| {
        own = dosages(calls, rows);
        Ok(())
    })?;
    let places: Vec<u32> = near.iter().map(|&k| points[k].place).collect();
    let (mut squares, mut block) = (Vec::with_capacity(near.len()), Block::default());
    bed.visit(&places, |k, calls| {
        block.push(places[k], calls);
        if block.snps.len() == SNPS || k + 1 == places.len() {
            let all = (0..block.snps.len()).into_par_iter();
            let of = |k| square(&pairs(&own, &dosages(block.calls(k), rows)));
            squares.par_extend(all.map(of));
            block.clear();
        }
        Ok(())
    })?;
    Ok(squares)
}

/// Dosages; 3 for a missing call.
fn dosages(calls: Packed<'_>, rows: &[u32]) -> Vec<u8> {
    let dosage = |&i: &u32| calls.call(i as usize).unwrap_or(3);
    rows.iter().map(dosage).collect()
}

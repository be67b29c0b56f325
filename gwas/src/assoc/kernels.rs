//! K of a trait's samples, of all chromosomes or of all but one.
//!
//! What is kept is the pair statistic of all kernel SNPs; that of a chromosome is subtracted.
//! Where the statistic counts whole dosages both are exact integers below 2⁵³, so their
//! difference is too.

use std::sync::Arc;

use epitile_core::backend::Backend;
use epitile_core::engine::Engine;
use epitile_core::genotypes::{Counts, Genotypes};
use epitile_core::kernel::Kernel;
use faer::Mat;

use super::scan::Group;
use super::sums::Sums;
use crate::cohort::Cohort;
use crate::dense::for_each_column;
use crate::error::{Error, Result};
use crate::io::chromosome::{Chromosome, ChromosomeSet};
use crate::null::component::Component;
use crate::null::matrix::normalise;

/// Whose SNP means and standard deviations a kernel takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Moments {
    /// Of all individuals that the filters leave, as GEMMA: `all`.
    #[default]
    All,
    /// Of the trait's samples, as FaST-LMM: `trait`.
    Trait,
}

impl std::fmt::Display for Moments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Moments::All => "all",
            Moments::Trait => "trait",
        })
    }
}

impl std::str::FromStr for Moments {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Moments::All),
            "trait" => Ok(Moments::Trait),
            _ => Err(format!("'{text}' names nobody; expected all or trait")),
        }
    }
}

/// Where kernels come from.
pub struct Source<'a, B: Backend, E: Engine> {
    backend: &'a B,
    engine: &'a E,
    genotypes: Arc<Genotypes>,
    chromosomes: ChromosomeSet,
    /// Each with the place of its statistic.
    kernels: Vec<(Component, usize)>,
    /// A kernel of each pair statistic.
    statistics: Vec<Component>,
    scale: f64,
    moments: Moments,
    /// By statistic.
    all: Vec<Sums>,
    /// The chromosome left out last, with what it leaves.
    left_out: Option<(usize, Vec<Sums>)>,
}

/// Kernels with the place of the statistic each is a function of, and a kernel of each statistic.
fn statistics(kernels: &[Component]) -> (Vec<(Component, usize)>, Vec<Component>) {
    let kind = |c: Component| c.kernel().map(Kernel::pair_kind);
    let mut statistics: Vec<Component> = Vec::new();
    let mut place = |c: Component| {
        let known = statistics.iter().position(|&s| kind(s) == kind(c));
        known.unwrap_or_else(|| {
            statistics.push(c);
            statistics.len() - 1
        })
    };
    let kernels = kernels.iter().map(|&c| (c, place(c))).collect();
    (kernels, statistics)
}

/// The segment of `genotypes` that is chromosome `name`, if they have SNPs there.
pub fn segment(genotypes: &Genotypes, set: ChromosomeSet, name: &str) -> Option<usize> {
    let key =
        |name: &str| -> Result<Chromosome, String> { set.recognise(name).ok_or(name.to_owned()) };
    let wanted = key(name);
    let mut segments = genotypes.segments().iter();
    segments.position(|s| key(&s.name) == wanted)
}

/// What a kernel of `genotypes` without a segment is called.
pub fn name(genotypes: &Genotypes, set: ChromosomeSet, left_out: Option<usize>) -> String {
    match left_out {
        None => "all chromosomes".into(),
        Some(s) => {
            let name = set.label(&genotypes.segments()[s].name);
            format!("all chromosomes but {name}")
        }
    }
}

impl<'a, B: Backend, E: Engine> Source<'a, B, E> {
    /// `kernels` of all individuals and SNPs of `cohort`, with γ = `scale` / median.
    ///
    /// # Errors
    /// `Usage` for a kernel that has no form here; `Degenerate` if no SNP varies; failures of the
    /// device.
    pub fn new(
        (backend, engine): (&'a B, &'a E),
        cohort: Cohort,
        (kernels, scale): (&[Component], f64),
        moments: Moments,
    ) -> Result<Self> {
        for kernel in kernels {
            if let Some(Kernel::Poly(_) | Kernel::Ibs | Kernel::Laplacian) = kernel.kernel() {
                return Err(Error::usage(format!(
                    "--kernel {kernel}: association takes linear, linear:std, linear:2pq, \
                     gaussian, grm^2, dominance or none"
                )));
            }
        }
        if cohort.genotypes.counts().iter().all(Counts::is_monomorphic) {
            return Err(Error::degenerate(format!(
                "none of the {} kernel SNPs varies among the {} individuals; check --kernel-chr, \
                 --kernel-extract and --kernel-maf",
                cohort.genotypes.snps(),
                cohort.genotypes.samples()
            )));
        }
        let genotypes = Arc::new(cohort.genotypes);
        let (kernels, statistics) = statistics(kernels);
        let of = |&kernel: &Component| Sums::new(backend, engine, &genotypes, kernel);
        let all = statistics.iter().map(of).collect::<Result<_>>()?;
        Ok(Source {
            backend,
            engine,
            genotypes,
            chromosomes: cohort.chromosomes,
            kernels,
            statistics,
            scale,
            moments,
            all,
            left_out: None,
        })
    }

    /// What the kernel without a segment is called.
    pub fn name(&self, left_out: Option<usize>) -> String {
        name(&self.genotypes, self.chromosomes, left_out)
    }

    /// The kernels' names.
    pub fn kernels(&self) -> Vec<String> {
        self.kernels.iter().map(|(k, _)| k.to_string()).collect()
    }

    /// Every K of a group for variances: Gower-centred, of mean diagonal 1, and the mean it had;
    /// without the chromosome of segment `left_out`.
    ///
    /// # Errors
    /// `Degenerate` for a kernel without variance; failures of the device.
    pub fn variance_kernels(
        &mut self,
        group: &Group,
        left_out: Option<usize>,
    ) -> Result<Vec<(Mat<f64>, f64)>> {
        let (kernels, scale) = (self.kernels.clone(), self.scale);
        let own;
        let (sums, rows) = match self.moments {
            Moments::All => (self.sums(left_out)?, group.rows.clone()),
            Moments::Trait => {
                own = self.own_sums(group, left_out)?;
                (&own[..], (0..group.rows.len() as u32).collect())
            }
        };
        let ready = |&(kernel, at): &(Component, usize)| {
            let mut k = sums[at].kernel(kernel, scale, &rows)?;
            let mean = normalise(&mut k, &kernel.to_string())?;
            Ok((k, mean))
        };
        kernels.iter().map(ready).collect()
    }

    /// The first K of a group for a ridge regression: as other commands scale it, over those whose
    /// moments it takes.
    ///
    /// # Errors
    /// As [`variance_kernels`](Self::variance_kernels).
    pub fn ridge_kernel(&mut self, group: &Group, left_out: Option<usize>) -> Result<Mat<f64>> {
        let ((kernel, at), scale) = (self.kernels[0], self.scale);
        let ready = |sums: &Sums, n: usize| -> Result<Mat<f64>> {
            let all: Vec<u32> = (0..n as u32).collect();
            let mut k = sums.kernel(kernel, scale, &all)?;
            match kernel {
                // Their mean diagonal is 1 by definition, their rows sum to 0; others are neither.
                _ if kernel.is_additive() => drop(normalise(&mut k, &kernel.to_string())?),
                Component::Dominance => {
                    let varying = sums.varying.max(1) as f64;
                    for_each_column(&mut k, |_, column| {
                        column.iter_mut().for_each(|v| *v /= varying);
                    });
                }
                _ => {}
            }
            Ok(k)
        };
        match self.moments {
            Moments::Trait => ready(&self.own_sums(group, left_out)?[at], group.rows.len()),
            Moments::All => {
                let n = self.genotypes.samples();
                let k = ready(&self.sums(left_out)?[at], n)?;
                let row = |i: usize| group.rows[i] as usize;
                let m = group.rows.len();
                Ok(Mat::from_fn(m, m, |i, j| k[(row(i), row(j))]))
            }
        }
    }

    /// Sums of all individuals, by statistic.
    fn sums(&mut self, left_out: Option<usize>) -> Result<&[Sums]> {
        let Some(segment) = left_out else {
            return Ok(&self.all);
        };
        let known = matches!(&self.left_out, Some((s, _)) if *s == segment);
        if !known {
            let parts = self.parts(&self.genotypes, segment)?;
            let pairs = self.all.iter().zip(&parts);
            let rest = pairs.map(|(all, part)| all.without(part)).collect();
            self.left_out = Some((segment, rest));
        }
        Ok(self.left_out.as_ref().map_or(&self.all, |(_, sums)| sums))
    }

    /// Sums of a group, with its own moments, by statistic.
    fn own_sums(&self, group: &Group, left_out: Option<usize>) -> Result<Vec<Sums>> {
        let own = Arc::new(self.genotypes.select(&group.rows));
        let of = |&kernel: &Component| Sums::new(self.backend, self.engine, &own, kernel);
        let sums: Vec<Sums> = self.statistics.iter().map(of).collect::<Result<_>>()?;
        let Some(segment) = left_out else {
            return Ok(sums);
        };
        let parts = self.parts(&own, segment)?;
        let pairs = sums.iter().zip(&parts);
        Ok(pairs.map(|(all, part)| all.without(part)).collect())
    }

    /// The sums of one segment, by statistic.
    fn parts(&self, of: &Genotypes, segment: usize) -> Result<Vec<Sums>> {
        let kernels = self.statistics.iter();
        kernels.map(|&k| self.part(of, segment, k)).collect()
    }

    /// The sums of one segment for a kernel's statistic.
    fn part(&self, of: &Genotypes, segment: usize, kernel: Component) -> Result<Sums> {
        let segment = &of.segments()[segment];
        let n = of.samples();
        let counts = &of.counts()[segment.snps.clone()];
        let kernel = match kernel {
            Component::Kernel(kernel) => kernel,
            Component::Dominance => return Ok(Sums::dominance(of, segment.snps.clone())),
        };
        let gather = |plane: &dyn Fn(usize) -> Vec<u64>| (0..n).flat_map(plane).collect();
        let cut = |words: &[u64]| words[segment.words.clone()].to_vec();
        let missing = of
            .has_missing()
            .then(|| gather(&|i| of.missing(i).map_or_else(Vec::new, cut)));
        let part = Genotypes::from_planes(
            n,
            &[(segment.name.clone(), counts.len())],
            gather(&|i| cut(of.some(i))),
            gather(&|i| cut(of.two(i))),
            missing,
        );
        let part = Arc::new(part.map_err(Error::inconsistent)?);
        Sums::of_pairs(self.backend, self.engine, &part, kernel)
    }
}

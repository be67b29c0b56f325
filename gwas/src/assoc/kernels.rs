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
    kernel: Component,
    scale: f64,
    moments: Moments,
    all: Sums,
    /// The chromosome left out last, with its sums.
    left_out: Option<(usize, Sums)>,
}

impl<'a, B: Backend, E: Engine> Source<'a, B, E> {
    /// `kernel` of all individuals and SNPs of `cohort`, with γ = `scale` / median.
    ///
    /// # Errors
    /// `Usage` for a kernel that has no form here; `Degenerate` if no SNP varies; failures of the
    /// device.
    pub fn new(
        (backend, engine): (&'a B, &'a E),
        cohort: Cohort,
        (kernel, scale): (Component, f64),
        moments: Moments,
    ) -> Result<Self> {
        if let Some(Kernel::Poly(_) | Kernel::Ibs | Kernel::Laplacian) = kernel.kernel() {
            return Err(Error::usage(format!(
                "--kernel {kernel}: association takes linear, linear:std, linear:2pq, gaussian, \
                 grm^2, dominance or none"
            )));
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
        let all = Sums::new(backend, engine, &genotypes, kernel)?;
        Ok(Source {
            backend,
            engine,
            genotypes,
            chromosomes: cohort.chromosomes,
            kernel,
            scale,
            moments,
            all,
            left_out: None,
        })
    }

    /// The kernel's segment that is chromosome `name`, if it has SNPs there.
    pub fn segment(&self, name: &str) -> Option<usize> {
        let key = |name: &str| -> Result<Chromosome, String> {
            self.chromosomes.recognise(name).ok_or(name.to_owned())
        };
        let wanted = key(name);
        let mut segments = self.genotypes.segments().iter();
        segments.position(|s| key(&s.name) == wanted)
    }

    /// What the kernel without a segment is called.
    pub fn name(&self, left_out: Option<usize>) -> String {
        match left_out {
            None => "all chromosomes".into(),
            Some(s) => {
                let name = self.chromosomes.label(&self.genotypes.segments()[s].name);
                format!("all chromosomes but {name}")
            }
        }
    }

    /// K of a group for variances: Gower-centred, of mean diagonal 1, and the mean it had; without
    /// the chromosome of segment `left_out`.
    ///
    /// # Errors
    /// `Degenerate` for a kernel without variance; failures of the device.
    pub fn variance_kernel(
        &mut self,
        group: &Group,
        left_out: Option<usize>,
    ) -> Result<(Mat<f64>, f64)> {
        let (kernel, scale) = (self.kernel, self.scale);
        let mut k = match self.moments {
            Moments::All => self.sums(left_out)?.kernel(kernel, scale, &group.rows)?,
            Moments::Trait => {
                let all: Vec<u32> = (0..group.rows.len() as u32).collect();
                self.own_sums(group, left_out)?
                    .kernel(kernel, scale, &all)?
            }
        };
        let scale = normalise(&mut k, &kernel.to_string())?;
        Ok((k, scale))
    }

    /// K of a group for a ridge regression: as other commands scale it, over those whose moments
    /// it takes.
    ///
    /// # Errors
    /// As [`variance_kernel`](Self::variance_kernel).
    pub fn ridge_kernel(&mut self, group: &Group, left_out: Option<usize>) -> Result<Mat<f64>> {
        let (kernel, scale) = (self.kernel, self.scale);
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
            Moments::Trait => ready(&self.own_sums(group, left_out)?, group.rows.len()),
            Moments::All => {
                let n = self.genotypes.samples();
                let k = ready(self.sums(left_out)?, n)?;
                let row = |i: usize| group.rows[i] as usize;
                let m = group.rows.len();
                Ok(Mat::from_fn(m, m, |i, j| k[(row(i), row(j))]))
            }
        }
    }

    /// Sums of all individuals.
    fn sums(&mut self, left_out: Option<usize>) -> Result<&Sums> {
        let Some(segment) = left_out else {
            return Ok(&self.all);
        };
        let known = matches!(&self.left_out, Some((s, _)) if *s == segment);
        if !known {
            let part = self.part(&self.genotypes, segment)?;
            self.left_out = Some((segment, self.all.without(&part)));
        }
        Ok(self.left_out.as_ref().map_or(&self.all, |(_, sums)| sums))
    }

    /// Sums of a group, with its own moments.
    fn own_sums(&self, group: &Group, left_out: Option<usize>) -> Result<Sums> {
        let own = Arc::new(self.genotypes.select(&group.rows));
        let sums = Sums::new(self.backend, self.engine, &own, self.kernel)?;
        match left_out {
            None => Ok(sums),
            Some(segment) => Ok(sums.without(&self.part(&own, segment)?)),
        }
    }

    /// The sums of one segment.
    fn part(&self, of: &Genotypes, segment: usize) -> Result<Sums> {
        let segment = &of.segments()[segment];
        let n = of.samples();
        let counts = &of.counts()[segment.snps.clone()];
        let kernel = match self.kernel {
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

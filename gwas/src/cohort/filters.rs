//! Which individuals and SNPs stay.

use std::collections::HashSet;

use epitile_core::genotypes::Counts;

use super::{CohortOptions, FilterCount};
use crate::error::{Error, Result};
use crate::io::bed::Bed;
use crate::io::chromosome::{ChromosomeSet, Selection};
use crate::io::fileset::Fileset;
use crate::io::lists::{self, Listed};
use crate::io::text::first_few;

/// Refuses thresholds that make no sense.
pub(super) fn check(options: &CohortOptions) -> Result<()> {
    for (name, value, most) in [
        ("--mind", options.mind, 1.0),
        ("--geno", options.geno, 1.0),
        ("--maf", options.maf, 0.5),
    ] {
        if let Some(x) = value.filter(|x| !(0.0..=most).contains(x)) {
            return Err(Error::usage(format!(
                "{name} {x}: the threshold must be between 0 and {most}"
            )));
        }
    }
    Ok(())
}

/// What is left, as indices into the files, and how it came about.
pub(super) struct Chosen {
    pub(super) samples: Vec<u32>,
    pub(super) snps: Vec<u32>,
    pub(super) log: Vec<FilterCount>,
}

/// Applies all filters, in order, to all individuals or to those `among` which to choose.
pub(super) fn apply(
    options: &CohortOptions,
    chromosomes: ChromosomeSet,
    (files, bed): (&Fileset, &mut Bed),
    among: Option<&[u32]>,
) -> Result<Chosen> {
    let everybody = || (0..files.samples.len() as u32).collect();
    let mut chosen = Chosen {
        samples: among.map_or_else(everybody, <[u32]>::to_vec),
        snps: (0..files.snps.len() as u32).collect(),
        log: Vec::new(),
    };
    // PLINK ignores SNPs with a negative position: it is the old way to switch one off.
    if files.snps.iter().any(|snp| snp.position < 0) {
        chosen.snps("position", "negative positions switch a SNP off", |m| {
            files.snps[m].position >= 0
        })?;
    }
    if let Some(path) = &options.keep {
        let listed = lists::samples(path, &files.samples)?;
        if listed.count() == 0 {
            return Err(Error::inconsistent(format!(
                "--keep {}: none of its individuals is in the .fam ({}). IDs must agree letter by \
                 letter",
                path.display(),
                first_few(&listed.unknown)
            )));
        }
        chosen.samples("keep", &unknown(&listed), |i| listed.member[i])?;
    }
    if let Some(path) = &options.remove {
        let listed = lists::samples(path, &files.samples)?;
        chosen.samples("remove", &unknown(&listed), |i| !listed.member[i])?;
    }
    if let Some(spec) = &options.chr {
        let wanted = Selection::parse(spec, chromosomes)?;
        let mut names: Vec<&str> = files.snps.iter().map(|snp| &*snp.chromosome).collect();
        names.sort_unstable();
        names.dedup();
        let hits: HashSet<&str> = names
            .iter()
            .copied()
            .filter(|n| wanted.contains(n))
            .collect();
        let note = match wanted.unused(&names) {
            unused if unused.is_empty() => spec.clone(),
            unused => format!("{spec}; not in the data: {}", first_few(&unused)),
        };
        chosen.snps("chr", &note, |m| hits.contains(&*files.snps[m].chromosome))?;
    }
    if let Some(path) = &options.extract {
        let listed = lists::snps(path, &files.snps)?;
        chosen.snps("extract", &unknown(&listed), |m| listed.member[m])?;
    }
    if let Some(path) = &options.exclude {
        let listed = lists::snps(path, &files.snps)?;
        chosen.snps("exclude", &unknown(&listed), |m| !listed.member[m])?;
    }
    if let Some(most) = options.mind {
        chosen.mind(most, bed)?;
    }
    chosen.by_counts(options, bed)?;
    Ok(chosen)
}

fn unknown(listed: &Listed) -> String {
    match listed.unknown.len() {
        0 => String::new(),
        n => format!(
            "{n} IDs of the list are not in the data: {}",
            first_few(&listed.unknown)
        ),
    }
}

impl Chosen {
    /// Keeps the individuals for which `stays` holds.
    fn samples(&mut self, name: &str, note: &str, stays: impl Fn(usize) -> bool) -> Result<()> {
        let before = (self.samples.len(), self.snps.len());
        self.samples.retain(|&i| stays(i as usize));
        self.record(name, note, before)
    }

    /// Keeps the SNPs for which `stays` holds.
    fn snps(&mut self, name: &str, note: &str, stays: impl Fn(usize) -> bool) -> Result<()> {
        let before = (self.samples.len(), self.snps.len());
        self.snps.retain(|&m| stays(m as usize));
        self.record(name, note, before)
    }

    fn record(&mut self, name: &str, note: &str, before: (usize, usize)) -> Result<()> {
        let count = FilterCount {
            name: name.into(),
            samples_before: before.0,
            samples_after: self.samples.len(),
            snps_before: before.1,
            snps_after: self.snps.len(),
            note: note.into(),
        };
        for (left, before, what) in [
            (count.samples_after, before.0, "individual"),
            (count.snps_after, before.1, "SNP"),
        ] {
            if left == 0 {
                let note = match note {
                    "" => String::new(),
                    note => format!(" ({note})"),
                };
                return Err(Error::degenerate(format!(
                    "no {what} is left: the filter '{name}'{note} dropped the last {before}. \
                     Relax it"
                )));
            }
        }
        self.log.push(count);
        Ok(())
    }

    fn mind(&mut self, most: f64, bed: &mut Bed) -> Result<()> {
        let mut missing = vec![0u32; bed.samples()];
        bed.visit(&self.snps, |_, calls| {
            for &i in &self.samples {
                missing[i as usize] += u32::from(calls.call(i as usize).is_none());
            }
            Ok(())
        })?;
        let snps = self.snps.len() as f64;
        let note = format!("missing calls at most {most}");
        self.samples("mind", &note, |i| f64::from(missing[i]) / snps <= most)
    }

    fn by_counts(&mut self, options: &CohortOptions, bed: &mut Bed) -> Result<()> {
        let CohortOptions { geno, maf, mac, .. } = *options;
        if geno.is_none() && maf.is_none() && mac.is_none() {
            return Ok(());
        }
        let mut counts = vec![Counts::default(); bed.snps()];
        bed.visit(&self.snps, |k, calls| {
            counts[self.snps[k] as usize] = calls.count(&self.samples);
            Ok(())
        })?;
        let samples = self.samples.len() as f64;
        let minor = |m: usize| {
            let c: &Counts = &counts[m];
            c.alleles().min(2 * c.observed() - c.alleles())
        };
        if let Some(most) = geno {
            let note = format!("missing calls at most {most}");
            self.snps("geno", &note, |m| {
                f64::from(counts[m].missing) / samples <= most
            })?;
        }
        if let Some(least) = maf {
            let note = format!("frequency of the rarer allele at least {least}");
            self.snps("maf", &note, |m| {
                let alleles = 2 * counts[m].observed();
                // Without calls there is no frequency: PLINK drops such a SNP.
                least == 0.0 || alleles > 0 && minor(m) as f64 / alleles as f64 >= least
            })?;
        }
        if let Some(least) = mac {
            let note = format!("copies of the rarer allele at least {least}");
            self.snps("mac", &note, |m| minor(m) >= u64::from(least))?;
        }
        Ok(())
    }
}

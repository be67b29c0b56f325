//! PLINK filesets to be changed.

use std::path::Path;

use epitile::io::bim::Snp;
use epitile::io::fam::Sample;
use epitile::io::fileset::Fileset;
use epitile::io::{bed, bim, fam, write_bed};
use epitile_core::genotypes::GenotypeBuilder;

use super::Lab;

/// A PLINK fileset in memory, to be changed.
#[derive(Clone, Debug)]
pub(crate) struct Plink {
    pub(crate) samples: Vec<Sample>,
    pub(crate) snps: Vec<Snp>,
    /// By SNP: dosages of A1 of all individuals.
    pub(crate) calls: Vec<Vec<Option<u8>>>,
}

impl Plink {
    /// Reads the fileset under the path `prefix`.
    pub(crate) fn read(prefix: &Path) -> Plink {
        let set = Fileset::read(prefix).unwrap();
        let n = set.samples.len();
        let all: Vec<u32> = (0..set.snps.len() as u32).collect();
        let mut calls = Vec::new();
        let mut bed: bed::Bed = set.bed().unwrap();
        bed.visit(&all, |_, packed| {
            calls.push((0..n).map(|i| packed.call(i)).collect());
            Ok(())
        })
        .unwrap();
        Plink {
            samples: set.samples,
            snps: set.snps,
            calls,
        }
    }

    /// Writes it under `prefix`.
    pub(crate) fn write(&self, lab: &Lab, prefix: &str) {
        let mut builder = GenotypeBuilder::new(self.samples.len());
        builder.segment("all");
        for snp in &self.calls {
            builder.push(snp.iter().copied());
        }
        let mut bytes = Vec::new();
        write_bed::bed(&mut bytes, &builder.finish()).unwrap();
        lab.write(&format!("{prefix}.bed"), &bytes);
        bytes.clear();
        write_bed::bim(&mut bytes, &self.snps).unwrap();
        lab.write(&format!("{prefix}.bim"), &bytes);
        bytes.clear();
        write_bed::fam(&mut bytes, &self.samples).unwrap();
        lab.write(&format!("{prefix}.fam"), &bytes);
        assert_eq!(
            bim::read(lab.path(&format!("{prefix}.bim"))).unwrap(),
            self.snps
        );
        assert_eq!(
            fam::read(lab.path(&format!("{prefix}.fam"))).unwrap(),
            self.samples
        );
    }

    /// Adds a SNP on the last chromosome.
    pub(crate) fn push(&mut self, id: &str, calls: impl Fn(usize) -> Option<u8>) {
        let mut snp = self.snps.last().unwrap().clone();
        snp.id = id.into();
        snp.position += 1;
        self.snps.push(snp);
        self.calls
            .push((0..self.samples.len()).map(calls).collect());
    }

    /// The individuals `order` (places), in that order.
    pub(crate) fn individuals(&self, order: &[usize]) -> Plink {
        let pick = |snp: &Vec<Option<u8>>| order.iter().map(|&i| snp[i]).collect();
        Plink {
            samples: order.iter().map(|&i| self.samples[i].clone()).collect(),
            snps: self.snps.clone(),
            calls: self.calls.iter().map(pick).collect(),
        }
    }

    /// The SNPs `order` (places), in that order.
    pub(crate) fn select(&self, order: &[usize]) -> Plink {
        Plink {
            samples: self.samples.clone(),
            snps: order.iter().map(|&m| self.snps[m].clone()).collect(),
            calls: order.iter().map(|&m| self.calls[m].clone()).collect(),
        }
    }

    /// Exchanges the alleles of SNP `m`.
    pub(crate) fn swap(&mut self, m: usize) {
        let snp = &mut self.snps[m];
        std::mem::swap(&mut snp.a1, &mut snp.a2);
        for call in self.calls[m].iter_mut().flatten() {
            *call = 2 - *call;
        }
    }
}

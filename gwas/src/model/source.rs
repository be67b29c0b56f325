//! The training genotypes of a model that does not hold them.

use std::collections::HashMap;
use std::path::Path;

use epitile_core::genotypes::Genotypes;
use sha2::{Digest, Sha256};

use super::Model;
use crate::align::align;
use crate::error::{Error, Result};
use crate::io::fileset::Fileset;

/// SHA-256 of the bit planes, individual by individual, in hexadecimal.
pub fn digest(g: &Genotypes) -> String {
    let mut hash = Sha256::new();
    for i in 0..g.samples() {
        for plane in [g.some(i), g.two(i), g.missing(i).unwrap_or(&[])] {
            for word in plane {
                hash.update(word.to_le_bytes());
            }
        }
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

impl Model {
    /// Reads the training genotypes from their files, unless the model holds them already, and
    /// checks that they are the ones it was trained on. `elsewhere` overrides the prefix in the
    /// model.
    ///
    /// # Errors
    /// Those of reading; `Inconsistent` if individuals are gone or calls differ.
    pub fn fetch_genotypes(&mut self, elsewhere: Option<&Path>) -> Result<()> {
        if self.genotypes.is_some() {
            return Ok(());
        }
        let prefix = elsewhere.unwrap_or(&self.meta.genotypes.bfile);
        let files = Fileset::read(prefix).map_err(|e| match elsewhere {
            None => e.and(
                "The model points there for its training genotypes: if they moved, give \
                 --train-bfile",
            ),
            Some(_) => e,
        })?;
        let places: HashMap<_, u32> = files
            .samples
            .iter()
            .zip(0..)
            .map(|(s, i)| (s.id(), i))
            .collect();
        let rows = self.meta.samples.iter().map(|id| {
            places.get(id).copied().ok_or_else(|| {
                Error::inconsistent(format!(
                    "{}: found no individual '{id}', which the model was trained on; give the \
                     training files with --train-bfile, or fit with --embed",
                    prefix.display()
                ))
            })
        });
        let rows: Vec<u32> = rows.collect::<Result<_>>()?;
        let (genotypes, alignment) = align(&files, &rows, &self.meta.snps, &self.meta.segments)?;
        if alignment.used < alignment.snps {
            return Err(Error::inconsistent(format!(
                "{}: found other SNPs than the model was trained on ({}); give the training files \
                 with --train-bfile, or fit again",
                prefix.display(),
                alignment.describe().join("; ")
            )));
        }
        if digest(&genotypes) != self.meta.genotypes.sha256 {
            return Err(Error::inconsistent(format!(
                "{}: found other calls than the model was trained on (the checksums differ); give \
                 the training files with --train-bfile, or fit again",
                prefix.display()
            )));
        }
        self.genotypes = Some(genotypes.into());
        Ok(())
    }
}

//! Reading model files: nothing in them is believed before it is checked.

use std::io::Read;
use std::path::Path;

use epitile_core::genotypes::{Counts, Genotypes};
use epitile_core::precision::Precision;
use epitile_core::sym::{Blocks, SymTiles};
use epitile_core::tile::Tile;
use safetensors::tensor::{Dtype, SafeTensors};

use super::write::KEY;
use super::{FORMAT, Meta, Model, SavedFactor, TraitModel};
use crate::error::{Error, Result};
use crate::io::text::open;
use crate::similarity::{Inside, Moments, takes_weights};

impl Model {
    /// Reads a model file.
    ///
    /// # Errors
    /// `Open`, `Read`; `Malformed` if it is no model file or contradicts itself; `Inconsistent`
    /// if it is of another format version.
    pub fn load(path: &Path) -> Result<Model> {
        let mut bytes = Vec::new();
        let read = open(path)?.read_to_end(&mut bytes);
        read.map_err(|e| Error::read(path, &e))?;
        Model::from_bytes(path, &bytes)
    }

    /// Reads a model from the bytes of its file; `path` is for messages.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_bytes(path: &Path, bytes: &[u8]) -> Result<Model> {
        Reader::new(path, bytes)?.model()
    }
}

/// A model file being taken apart; every contradiction is one `Malformed` error.
struct Reader<'a> {
    path: &'a Path,
    meta: Meta,
    tensors: SafeTensors<'a>,
}

impl<'a> Reader<'a> {
    fn new(path: &'a Path, bytes: &'a [u8]) -> Result<Self> {
        let bad = |found: &str| malformed(path, found);
        let (_, header) = SafeTensors::read_metadata(bytes)
            .map_err(|_| bad("no safetensors header, or one that does not fit the file's size"))?;
        let text = header.metadata().as_ref().and_then(|m| m.get(KEY));
        let text = text.ok_or_else(|| bad("a safetensors file without the metadata of epitile"))?;
        // The version first: the rest of another version may look different.
        let any: serde_json::Value =
            serde_json::from_str(text).map_err(|_| bad("metadata that are not JSON"))?;
        match any.get("format").and_then(serde_json::Value::as_u64) {
            Some(v) if v == u64::from(FORMAT) => {}
            Some(v) => {
                return Err(Error::inconsistent(format!(
                    "{}: found a model of format {v}, this version reads format {FORMAT}; use the \
                     version of epitile that wrote it, or fit again",
                    path.display()
                )));
            }
            None => return Err(bad("metadata without a format number")),
        }
        let meta: Meta = serde_json::from_value(any)
            .map_err(|e| bad(&format!("metadata that lack something ({e})")))?;
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|_| bad("tensors that do not fit the file's size"))?;
        Ok(Reader {
            path,
            meta,
            tensors,
        })
    }

    fn bytes(&self, name: &str, dtype: Dtype, len: Option<usize>) -> Result<&'a [u8]> {
        let bad = || {
            malformed(
                self.path,
                &format!("tensor '{name}' absent or of another size"),
            )
        };
        let tensor = self.tensors.tensor(name).map_err(|_| bad())?;
        let size = dtype.bitsize() / 8;
        let data = tensor.data();
        match tensor.dtype() == dtype
            && len.is_none_or(|len| len.checked_mul(size) == Some(data.len()))
        {
            true => Ok(data),
            false => Err(bad()),
        }
    }

    fn f64s(&self, name: &str, len: usize) -> Result<Vec<f64>> {
        let values: Vec<f64> = words(self.bytes(name, Dtype::F64, Some(len))?, f64::from_le_bytes);
        match values.iter().all(|v| v.is_finite()) {
            true => Ok(values),
            false => Err(malformed(
                self.path,
                &format!("numbers that are not finite in '{name}'"),
            )),
        }
    }

    fn columns(&self, name: &str, columns: usize) -> Result<Vec<Vec<f64>>> {
        let n = self.meta.samples.len();
        let len = n
            .checked_mul(columns)
            .ok_or_else(|| malformed(self.path, "too many columns"))?;
        let flat = self.f64s(name, len)?;
        Ok((0..columns).map(|c| flat[c * n..][..n].to_vec()).collect())
    }

    fn model(self) -> Result<Model> {
        let bad = |found: &str| malformed(self.path, found);
        let snps: usize = self
            .meta
            .segments
            .iter()
            .map(|s| s.1)
            .fold(0, usize::saturating_add);
        if snps != self.meta.snps.len() {
            return Err(bad("segments that do not add up to the SNPs"));
        }
        let len = 4 * self.meta.snps.len();
        let counts = words(
            self.bytes("counts", Dtype::U32, Some(len))?,
            u32::from_le_bytes,
        );
        let counts = counts
            .chunks_exact(4)
            .map(|c: &[u32]| Counts {
                dosage: [c[0], c[1], c[2]],
                missing: c[3],
            })
            .collect();
        let sane = |v: f64| v > 0.0 && v.is_finite();
        if !sane(self.meta.lambda) || !sane(self.meta.mean_diagonal) {
            return Err(bad("a λ or a kernel scale that is not positive"));
        }
        if self.meta.gamma.is_some_and(|g| !sane(g)) || self.meta.tile == Some(0) {
            return Err(bad("a γ or a tile size that is not positive"));
        }
        let kernel = self.meta.kernel.parse::<epitile_core::kernel::Kernel>();
        if kernel.is_ok_and(|k| k.has_gamma() && self.meta.gamma.is_none()) {
            return Err(bad("a kernel with bandwidth but no γ"));
        }
        let weights = match self.meta.weighted {
            true => Some(self.f64s("snp_weights", self.meta.snps.len())?),
            false => None,
        };
        if weights.iter().flatten().any(|w| *w < 0.0) {
            return Err(bad("a weight of a SNP below zero"));
        }
        if weights.is_some() && kernel.is_ok_and(|k| !takes_weights(k)) {
            return Err(bad("weights of SNPs for a kernel that takes none"));
        }
        let moments = Moments {
            counts,
            weights,
            mean_diagonal: self.meta.mean_diagonal,
        };
        let covariates = self.meta.recipe.as_ref().map_or(0, |r| r.columns.len());
        if self.meta.fixed.len() != 1 + covariates {
            return Err(bad("fixed effects that are not its covariates'"));
        }
        let traits = self.traits()?;
        let fixed = self.columns("fixed", self.meta.fixed.len())?;
        let inside = match &self.meta.inside {
            None => None,
            Some((recipe, weight)) => {
                if !sane(*weight) {
                    return Err(bad("a weight of kernel covariates that is not positive"));
                }
                let columns = self.columns("inside", recipe.columns.len())?;
                Some(Inside {
                    columns,
                    weight: *weight,
                })
            }
        };
        let genotypes = self.genotypes()?;
        let factors = self.factors(&traits)?;
        let Reader { meta, .. } = self;
        Ok(Model {
            meta,
            moments,
            traits,
            fixed,
            inside,
            genotypes,
            factors,
        })
    }

    fn traits(&self) -> Result<Vec<TraitModel>> {
        let each = |(t, meta): (usize, &super::TraitMeta)| {
            let weights = self.f64s(&format!("weights.{t}"), meta.samples)?;
            let rows = self.bytes(&format!("rows.{t}"), Dtype::U32, Some(meta.samples))?;
            let rows = words(rows, u32::from_le_bytes);
            let ascending = rows.windows(2).all(|w| w[0] < w[1]);
            let inside = rows
                .last()
                .is_none_or(|&r| (r as usize) < self.meta.samples.len());
            if !ascending
                || !inside
                || rows.is_empty()
                || meta.effects.len() != self.meta.fixed.len()
            {
                let found = format!(
                    "trait '{}' that contradicts the individuals or effects",
                    meta.name
                );
                return Err(malformed(self.path, &found));
            }
            Ok(TraitModel {
                meta: meta.clone(),
                rows,
                weights,
            })
        };
        self.meta.traits.iter().enumerate().map(each).collect()
    }

    fn genotypes(&self) -> Result<Option<std::sync::Arc<Genotypes>>> {
        if !self.meta.genotypes.embedded {
            return Ok(None);
        }
        let plane = |name: &str| {
            Ok(words(
                self.bytes(name, Dtype::U64, None)?,
                u64::from_le_bytes,
            ))
        };
        let missing = match self.tensors.names().contains(&"genotypes.missing") {
            true => Some(plane("genotypes.missing")?),
            false => None,
        };
        let (n, segments) = (self.meta.samples.len(), &self.meta.segments);
        let (some, two) = (plane("genotypes.some")?, plane("genotypes.two")?);
        let genotypes = Genotypes::from_planes(n, segments, some, two, missing)
            .map_err(|what| malformed(self.path, &format!("embedded genotypes: {what}")))?;
        if super::source::digest(&genotypes) != self.meta.genotypes.sha256 {
            return Err(malformed(
                self.path,
                "embedded genotypes with another checksum",
            ));
        }
        Ok(Some(genotypes.into()))
    }

    fn factors(&self, traits: &[TraitModel]) -> Result<Vec<SavedFactor>> {
        let bad = || malformed(self.path, "a saved factor that contradicts itself");
        let each = |(f, meta): (usize, &super::FactorMeta)| {
            let of = meta
                .traits
                .first()
                .and_then(|&t| traits.get(t))
                .ok_or_else(bad)?;
            let n = of.rows.len();
            let same = |&t: &usize| traits.get(t).is_some_and(|other| other.rows == of.rows);
            if meta.edge == 0 || !meta.traits.iter().all(same) {
                return Err(bad());
            }
            let blocks = Blocks::new(n, meta.edge);
            let count = blocks.count();
            if meta.tiles.len() != count * (count + 1) / 2 {
                return Err(bad());
            }
            let mut bytes = self.bytes(&format!("factor.{f}"), Dtype::U8, None)?;
            let places = SymTiles::from_fn(count, |i, j| (i, j));
            let mut tiles = Vec::with_capacity(meta.tiles.len());
            for (&(i, j), (precision, scale)) in places.as_slice().iter().zip(&meta.tiles) {
                let precision: Precision = precision.parse().map_err(|_| bad())?;
                let (rows, cols) = (blocks.range(i).len(), blocks.range(j).len());
                let (head, rest) = bytes
                    .split_at_checked(rows * cols * precision.bytes())
                    .ok_or_else(bad)?;
                bytes = rest;
                tiles.push(Tile::from_bytes(rows, cols, precision, *scale, head).ok_or_else(bad)?);
            }
            let deflation = match meta.rank {
                0 => Vec::new(),
                rank => {
                    let len = rank.checked_mul(n).ok_or_else(bad)?;
                    let flat = self.f64s(&format!("deflation.{f}"), len)?;
                    flat.chunks_exact(n).map(<[f64]>::to_vec).collect()
                }
            };
            if !bytes.is_empty() {
                return Err(bad());
            }
            Ok(SavedFactor {
                traits: meta.traits.clone(),
                edge: meta.edge,
                tiles,
                deflation,
            })
        };
        self.meta.factors.iter().enumerate().map(each).collect()
    }
}

/// Little-endian numbers of S bytes each.
fn words<T, const S: usize>(bytes: &[u8], read: fn([u8; S]) -> T) -> Vec<T> {
    let (chunks, _) = bytes.as_chunks::<S>();
    chunks.iter().map(|&c| read(c)).collect()
}

fn malformed(path: &Path, found: &str) -> Error {
    Error::malformed(
        path,
        crate::error::Place::File,
        found,
        "a model written by 'epitile fit'",
        "The file is damaged or of another kind; fit the model again",
    )
}

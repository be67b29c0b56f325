//! Writing model files.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, View};

use super::Model;
use crate::error::{Error, Result};
use crate::io::output::AtomicFile;

/// Key of the metadata.
pub(super) const KEY: &str = "epitile";

/// A tensor to be written: little-endian bytes with type and shape.
struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl Tensor {
    fn f64(shape: &[usize], values: &[f64]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Tensor {
            dtype: Dtype::F64,
            shape: shape.to_vec(),
            bytes,
        }
    }

    fn u32(shape: &[usize], values: &[u32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Tensor {
            dtype: Dtype::U32,
            shape: shape.to_vec(),
            bytes,
        }
    }

    fn u64(shape: &[usize], values: impl Iterator<Item = u64>) -> Self {
        let bytes = values.flat_map(u64::to_le_bytes).collect();
        Tensor {
            dtype: Dtype::U64,
            shape: shape.to_vec(),
            bytes,
        }
    }
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

impl Model {
    /// Writes the model to `path`, whole or not at all.
    ///
    /// # Errors
    /// `Write`.
    pub fn save(&self, path: &Path) -> Result<()> {
        let tensors = self.tensors();
        let meta = serde_json::to_string(&self.meta).map_err(|e| {
            Error::inconsistent(format!("the model's metadata cannot be written: {e}"))
        })?;
        let meta = HashMap::from([(KEY.to_string(), meta)]);
        let views = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
        let bytes = safetensors::serialize(views, Some(meta))
            .map_err(|e| Error::inconsistent(format!("the model cannot be written: {e}")))?;
        let mut file = AtomicFile::create(path)?;
        file.put(bytes)?;
        file.commit()
    }

    fn tensors(&self) -> Vec<(String, Tensor)> {
        let n = self.meta.samples.len();
        let flat = |columns: &[Vec<f64>]| columns.concat();
        let counts = Model::counts_flat(&self.moments.counts);
        let mut all = vec![
            (
                "counts".to_string(),
                Tensor::u32(&[self.moments.counts.len(), 4], &counts),
            ),
            (
                "fixed".to_string(),
                Tensor::f64(&[self.fixed.len(), n], &flat(&self.fixed)),
            ),
        ];
        if let Some(inside) = &self.inside {
            let shape = [inside.columns.len(), n];
            all.push(("inside".into(), Tensor::f64(&shape, &flat(&inside.columns))));
        }
        for (t, of) in self.traits.iter().enumerate() {
            all.push((
                format!("weights.{t}"),
                Tensor::f64(&[of.weights.len()], &of.weights),
            ));
            all.push((format!("rows.{t}"), Tensor::u32(&[of.rows.len()], &of.rows)));
        }
        if let Some(g) = self
            .genotypes
            .as_ref()
            .filter(|_| self.meta.genotypes.embedded)
        {
            let shape = [g.samples(), g.words()];
            let plane = |row: &dyn Fn(usize) -> Vec<u64>| {
                Tensor::u64(&shape, (0..g.samples()).flat_map(row))
            };
            all.push(("genotypes.some".into(), plane(&|i| g.some(i).to_vec())));
            all.push(("genotypes.two".into(), plane(&|i| g.two(i).to_vec())));
            if g.has_missing() {
                let missing = |i| g.missing(i).unwrap_or(&[]).to_vec();
                all.push(("genotypes.missing".into(), plane(&missing)));
            }
        }
        for (f, factor) in self.factors.iter().enumerate() {
            let bytes: Vec<u8> = factor
                .tiles
                .iter()
                .flat_map(|t| t.bytes().to_vec())
                .collect();
            let shape = vec![bytes.len()];
            all.push((
                format!("factor.{f}"),
                Tensor {
                    dtype: Dtype::U8,
                    shape,
                    bytes,
                },
            ));
            if !factor.deflation.is_empty() {
                let shape = [factor.deflation.len(), factor.deflation[0].len()];
                let tensor = Tensor::f64(&shape, &flat(&factor.deflation));
                all.push((format!("deflation.{f}"), tensor));
            }
        }
        all
    }
}

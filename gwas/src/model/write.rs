//! Writing model files.

use std::collections::HashMap;
use std::path::Path;

use epitile_core::tile::Tile;
use safetensors::tensor::{Dtype, Metadata, TensorInfo};

use super::Model;
use crate::error::{Error, Result};
use crate::io::output::AtomicFile;

/// Key of the metadata.
pub(super) const KEY: &str = "epitile";

/// The longest header that readers of the format accept.
const HEADER: usize = 100_000_000;

/// A tensor to be written: little-endian bytes with type and shape.
struct Tensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Bytes<'a>,
}

enum Bytes<'a> {
    Own(Vec<u8>),
    /// Those of tiles, one after the other, which may be in a scratch file: never all in memory.
    Tiles(&'a [Tile]),
}

impl Bytes<'_> {
    fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let (own, tiles) = match self {
            Bytes::Own(bytes) => (Some(&bytes[..]), &[][..]),
            Bytes::Tiles(tiles) => (None, *tiles),
        };
        own.into_iter().chain(tiles.iter().map(Tile::bytes))
    }

    fn len(&self) -> usize {
        self.pieces().map(<[u8]>::len).sum()
    }
}

impl Tensor<'_> {
    fn f64(shape: &[usize], values: &[f64]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Tensor {
            dtype: Dtype::F64,
            shape: shape.to_vec(),
            bytes: Bytes::Own(bytes),
        }
    }

    fn u32(shape: &[usize], values: &[u32]) -> Self {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        Tensor {
            dtype: Dtype::U32,
            shape: shape.to_vec(),
            bytes: Bytes::Own(bytes),
        }
    }

    fn u64(shape: &[usize], values: impl Iterator<Item = u64>) -> Self {
        let bytes = values.flat_map(u64::to_le_bytes).collect();
        Tensor {
            dtype: Dtype::U64,
            shape: shape.to_vec(),
            bytes: Bytes::Own(bytes),
        }
    }
}

impl Model {
    /// Writes the model to `path`, whole or not at all.
    ///
    /// # Errors
    /// `Write`.
    pub fn save(&self, path: &Path) -> Result<()> {
        let mut tensors = self.tensors();
        // The order of the format: wide numbers first, so that all are aligned, then by name.
        tensors.sort_by(|(a, left), (b, right)| right.dtype.cmp(&left.dtype).then(a.cmp(b)));
        let meta = serde_json::to_string(&self.meta).map_err(|e| {
            Error::inconsistent(format!("the model's metadata cannot be written: {e}"))
        })?;
        let meta = HashMap::from([(KEY.to_string(), meta)]);
        let mut end = 0;
        let info = |(name, tensor): &(String, Tensor<'_>)| {
            let start = end;
            end += tensor.bytes.len();
            let info = TensorInfo {
                dtype: tensor.dtype,
                shape: tensor.shape.clone(),
                data_offsets: (start, end),
            };
            (name.clone(), info)
        };
        let infos = tensors.iter().map(info).collect();
        let unwritten =
            |e: String| Error::inconsistent(format!("the model cannot be written: {e}"));
        let header = Metadata::new(Some(meta), infos).map_err(|e| unwritten(e.to_string()))?;
        let mut header = serde_json::to_vec(&header).map_err(|e| unwritten(e.to_string()))?;
        header.resize(header.len().next_multiple_of(8), b' ');
        if header.len() > HEADER {
            return Err(unwritten("it has too many SNPs and individuals".to_owned()));
        }
        let mut file = AtomicFile::create(path)?;
        file.put((header.len() as u64).to_le_bytes())?;
        file.put(header)?;
        for bytes in tensors.iter().flat_map(|(_, tensor)| tensor.bytes.pieces()) {
            file.put(bytes)?;
        }
        file.commit()
    }

    fn tensors(&self) -> Vec<(String, Tensor<'_>)> {
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
        if let Some(weights) = &self.moments.weights {
            let tensor = Tensor::f64(&[weights.len()], weights);
            all.push(("snp_weights".into(), tensor));
        }
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
            let bytes = Bytes::Tiles(&factor.tiles);
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

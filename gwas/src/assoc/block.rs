//! Some SNPs of the file, decoded for a trait's samples.

use epitile_core::genotypes::Counts;
use faer::Mat;

use super::effect::Untested;
use crate::dense::for_each_column;
use crate::io::bed::Packed;

/// SNPs decoded and rotated together.
pub const SNPS: usize = 256;

/// Packed calls of some SNPs over all individuals of the file.
#[derive(Debug, Default)]
pub struct Block {
    bytes: Vec<u8>,
    /// Places of the SNPs in the `.bim`.
    pub snps: Vec<u32>,
}

impl Block {
    /// Adds the SNP at `place`.
    pub fn push(&mut self, place: u32, calls: Packed<'_>) {
        self.bytes.extend_from_slice(calls.bytes());
        self.snps.push(place);
    }

    /// Forgets all SNPs.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.snps.clear();
    }

    /// Calls of SNP `k` of the block.
    pub fn calls(&self, k: usize) -> Packed<'_> {
        let stride = self.bytes.len() / self.snps.len();
        Packed::new(&self.bytes[k * stride..][..stride])
    }

    /// Calls of the individuals `rows` of the file, counted.
    pub fn counts(&self, k: usize, rows: &[u32]) -> Counts {
        self.calls(k).count(rows)
    }

    /// Dosages of the individuals `rows` of the file without their mean, one column for each SNP;
    /// missing calls are 0: the mean.
    pub fn centred(&self, rows: &[u32], counts: &[Counts]) -> Mat<f64> {
        let mut x = Mat::zeros(rows.len(), self.snps.len());
        for_each_column(&mut x, |k, column| {
            let (calls, mean) = (self.calls(k), counts[k].mean());
            for (v, &i) in column.iter_mut().zip(rows) {
                *v = calls.call(i as usize).map_or(0.0, |d| f64::from(d) - mean);
            }
        });
        x
    }
}

/// Why a SNP with these calls has no test, if it has none.
pub fn untested(counts: &Counts) -> Option<Untested> {
    match counts.observed() {
        0 => Some(Untested::AllMissing),
        _ if counts.is_monomorphic() => Some(Untested::Monomorphic),
        _ => None,
    }
}

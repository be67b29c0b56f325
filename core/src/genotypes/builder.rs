//! Genotypes from SNP-major input.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Counts, Genotypes, SEGMENT_BITS, Segment};

/// Builds [`Genotypes`] from SNP-major input, one SNP at a time.
///
/// Calls arrive SNP by SNP (as a `.bed` file holds them) and leave individual by individual: 64
/// SNPs are gathered in one word per individual before the rows are touched.
///
/// ```
/// use epitile_core::genotypes::GenotypeBuilder;
/// let mut b = GenotypeBuilder::new(3);
/// b.segment("1");
/// b.push([Some(0), None, Some(2)]);
/// let g = b.finish();
/// assert_eq!(g.dosage(2, 0), Some(2));
/// assert_eq!(g.counts()[0].missing, 1);
/// ```
#[derive(Debug)]
pub struct GenotypeBuilder {
    samples: usize,
    segments: Vec<Segment>,
    counts: Vec<Counts>,
    /// Finished words, word-major: block w holds the N words of that column.
    blocks: [Vec<u64>; 3],
    current: [Vec<u64>; 3],
    filled: usize,
    any_missing: bool,
}

impl GenotypeBuilder {
    /// A builder for `samples` individuals.
    pub fn new(samples: usize) -> Self {
        GenotypeBuilder {
            samples,
            segments: Vec::new(),
            counts: Vec::new(),
            blocks: [const { Vec::new() }; 3],
            current: core::array::from_fn(|_| vec![0; samples]),
            filled: 0,
            any_missing: false,
        }
    }

    /// Starts a new segment: the following SNPs belong to it.
    pub fn segment(&mut self, name: impl Into<String>) {
        self.close();
        let (m, w) = (self.counts.len(), self.words());
        self.segments.push(Segment {
            name: name.into(),
            snps: m..m,
            words: w..w,
        });
    }

    /// Adds one SNP: the dosages of all individuals, in order.
    ///
    /// # Panics
    /// If no segment was started, the number of calls is not the number of individuals, or a
    /// dosage exceeds 2.
    pub fn push(&mut self, calls: impl IntoIterator<Item = Option<u8>>) {
        assert!(
            !self.segments.is_empty(),
            "start a segment before the first SNP"
        );
        let mut counts = Counts::default();
        let (bit, mut seen) = (self.filled, 0);
        for (i, call) in calls.into_iter().enumerate() {
            assert!(
                i < self.samples,
                "more calls than the {} individuals",
                self.samples
            );
            seen += 1;
            match call {
                Some(x) => {
                    assert!(x <= 2, "dosage {x}");
                    counts.dosage[x as usize] += 1;
                    self.current[0][i] |= u64::from(x >= 1) << bit;
                    self.current[1][i] |= u64::from(x == 2) << bit;
                }
                None => {
                    counts.missing += 1;
                    self.current[2][i] |= 1 << bit;
                }
            }
        }
        assert_eq!(seen, self.samples, "calls of one SNP");
        self.any_missing |= counts.missing > 0;
        self.counts.push(counts);
        self.filled += 1;
        if self.filled == 64 {
            self.flush();
        }
    }

    /// The finished set.
    pub fn finish(mut self) -> Genotypes {
        self.close();
        let words = self.words();
        let (n, any_missing) = (self.samples, self.any_missing);
        let rows = |plane: &mut Vec<u64>| {
            let columns = core::mem::take(plane);
            let mut rows = vec![0; n * words];
            for (w, column) in columns.chunks_exact(n.max(1)).enumerate() {
                for (i, &word) in column.iter().enumerate() {
                    rows[i * words + w] = word;
                }
            }
            rows
        };
        let [some, two, missing] = &mut self.blocks;
        Genotypes {
            samples: n,
            segments: self.segments,
            counts: self.counts,
            words,
            some: rows(some),
            two: rows(two),
            missing: any_missing.then(|| rows(missing)),
        }
    }

    fn words(&self) -> usize {
        self.segments.last().map_or(0, |s| s.words.end)
    }

    fn flush(&mut self) {
        for (block, current) in self.blocks.iter_mut().zip(&mut self.current) {
            block.extend_from_slice(current);
            current.fill(0);
        }
        self.filled = 0;
        let m = self.counts.len();
        if let Some(s) = self.segments.last_mut() {
            s.words.end += 1;
            s.snps.end = m;
        }
    }

    /// Pads the open segment to whole registers.
    fn close(&mut self) {
        let m = self.counts.len();
        if self.segments.last().is_none_or(|s| s.snps.start == m) {
            return;
        }
        if self.filled > 0 {
            self.flush();
        }
        let aligned = SEGMENT_BITS / 64;
        while self
            .segments
            .last()
            .is_some_and(|s| s.words.len() % aligned != 0)
        {
            self.flush();
        }
    }
}

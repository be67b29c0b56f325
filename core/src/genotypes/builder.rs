//! Genotypes from SNP-major input.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::{Counts, Genotypes, SEGMENT_BITS, Segment};

/// Builds [`Genotypes`] from SNP-major input, one SNP at a time.
///
/// Calls arrive SNP by SNP (as a `.bed` file holds them) and leave individual by individual: squares
/// of 64 SNPs and 64 individuals are transposed, then written line by line.
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
    /// SNPs not yet in a block, each ⌈N/64⌉ words of individuals.
    current: [Vec<u64>; 3],
    /// Storage of one SNP.
    snp: [Vec<u64>; 3],
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
            current: [const { Vec::new() }; 3],
            snp: [const { Vec::new() }; 3],
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
        let mut planes = core::mem::take(&mut self.snp);
        for plane in &mut planes {
            plane.clear();
            plane.resize(self.samples.div_ceil(64), 0);
        }
        let mut seen = 0;
        for (i, call) in calls.into_iter().enumerate() {
            assert!(
                i < self.samples,
                "more calls than the {} individuals",
                self.samples
            );
            seen += 1;
            let [some, two, missing] = &mut planes;
            match call {
                Some(x) => {
                    assert!(x <= 2, "dosage {x}");
                    some[i / 64] |= u64::from(x >= 1) << (i % 64);
                    two[i / 64] |= u64::from(x == 2) << (i % 64);
                }
                None => missing[i / 64] |= 1 << (i % 64),
            }
        }
        assert_eq!(seen, self.samples, "calls of one SNP");
        self.push_planes([&planes[0], &planes[1], &planes[2]]);
        self.snp = planes;
    }

    /// Adds one SNP as bits of the individuals, 64 in a word from the lowest on: dosage ≥ 1,
    /// dosage = 2, missing.
    ///
    /// # Panics
    /// If no segment was started, a plane has not ⌈N/64⌉ words, a bit is set past the last
    /// individual, or the three bits of one contradict each other.
    pub fn push_planes(&mut self, planes: [&[u64]; 3]) {
        assert!(
            !self.segments.is_empty(),
            "start a segment before the first SNP"
        );
        let width = self.samples.div_ceil(64);
        for plane in planes {
            assert_eq!(plane.len(), width, "words of a plane");
            let spare = width * 64 - self.samples;
            let last = plane.last().map_or(0, |&word| word);
            assert!(last.leading_zeros() as usize >= spare, "bits of nobody");
        }
        let [some, two, missing] = planes;
        let mut ones = [0; 3];
        for ((&some, &two), &missing) in some.iter().zip(two).zip(missing) {
            assert!(two & !some == 0 && missing & some == 0, "bits of one call");
            for (ones, word) in ones.iter_mut().zip([some, two, missing]) {
                *ones += word.count_ones();
            }
        }
        let [some, two, missing] = ones;
        self.any_missing |= missing > 0;
        self.counts.push(Counts {
            dosage: [self.samples as u32 - some - missing, some - two, two],
            missing,
        });
        for (current, plane) in self.current.iter_mut().zip(planes) {
            current.extend_from_slice(plane);
        }
        self.filled += 1;
        if self.filled == 64 {
            self.flush();
        }
    }

    /// Adds all SNPs of another builder, in their segments, after those of this one.
    ///
    /// # Panics
    /// If the other one is for another number of individuals.
    pub fn append(&mut self, mut other: GenotypeBuilder) {
        assert_eq!(other.samples, self.samples, "individuals");
        self.close();
        other.close();
        let (m, w) = (self.counts.len(), self.words());
        let moved = other.segments.into_iter().map(|s| Segment {
            name: s.name,
            snps: s.snps.start + m..s.snps.end + m,
            words: s.words.start + w..s.words.end + w,
        });
        self.segments.extend(moved);
        self.counts.append(&mut other.counts);
        for (block, more) in self.blocks.iter_mut().zip(&mut other.blocks) {
            block.append(more);
        }
        self.any_missing |= other.any_missing;
    }

    /// The finished set.
    pub fn finish(mut self) -> Genotypes {
        self.close();
        let words = self.words();
        let (n, any_missing) = (self.samples, self.any_missing);
        let rows = |plane: &mut Vec<u64>| {
            let columns = core::mem::take(plane);
            let mut rows = vec![0; n * words];
            // Padding makes segments whole lines, which are written at once.
            for (l, lines) in columns.chunks_exact(8 * n.max(1)).enumerate() {
                for i in 0..n {
                    let line = &mut rows[i * words + 8 * l..][..8];
                    for (word, column) in line.iter_mut().zip(lines.chunks_exact(n)) {
                        *word = column[i];
                    }
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
        let (n, width) = (self.samples, self.samples.div_ceil(64));
        for (block, current) in self.blocks.iter_mut().zip(&mut self.current) {
            for at in 0..width {
                let mut square = [0; 64];
                let snps = current.iter().skip(at).step_by(width.max(1));
                for (row, &word) in square.iter_mut().zip(snps) {
                    *row = word;
                }
                transpose(&mut square);
                block.extend_from_slice(&square[..64.min(n - 64 * at)]);
            }
            current.clear();
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

/// Transposes a square of bits: bit c of row r becomes bit r of row c.
fn transpose(square: &mut [u64; 64]) {
    // Halves of blocks of rows and of their bits change places, from the largest blocks on.
    let (mut half, mut mask) = (32, 0xffff_ffff_u64);
    while half > 0 {
        for first in (0..64).step_by(2 * half) {
            for r in first..first + half {
                let other = (square[r] >> half ^ square[r + half]) & mask;
                square[r] ^= other << half;
                square[r + half] ^= other;
            }
        }
        half /= 2;
        mask ^= mask << half;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_of_bits_is_transposed() {
        let mut state = 1u64;
        let square: [u64; 64] = core::array::from_fn(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state ^ state >> 29
        });
        let mut turned = square;
        transpose(&mut turned);
        for (r, row) in square.iter().enumerate() {
            for (c, turned) in turned.iter().enumerate() {
                assert_eq!(row >> c & 1, turned >> r & 1, "{r}, {c}");
            }
        }
    }

    #[test]
    fn planes_and_calls_give_the_same_genotypes() {
        for n in [1, 63, 64, 65, 130] {
            let call = |m: usize, i: usize| match (m * 31 + i * 7 + m * i) % 4 {
                3 => None,
                x => Some(x as u8),
            };
            let (mut a, mut b) = (GenotypeBuilder::new(n), GenotypeBuilder::new(n));
            for m in 0..200 {
                if m == 0 || m == 70 {
                    a.segment("s");
                    b.segment("s");
                }
                a.push((0..n).map(|i| call(m, i)));
                let plane = |is: &dyn Fn(Option<u8>) -> bool| {
                    let mut words = vec![0u64; n.div_ceil(64)];
                    for i in 0..n {
                        words[i / 64] |= u64::from(is(call(m, i))) << (i % 64);
                    }
                    words
                };
                b.push_planes([
                    &plane(&|x| x >= Some(1)),
                    &plane(&|x| x == Some(2)),
                    &plane(&|x| x.is_none()),
                ]);
            }
            let (a, b) = (a.finish(), b.finish());
            for m in 0..200 {
                for i in 0..n {
                    assert_eq!(a.dosage(i, m), call(m, i));
                    assert_eq!(b.dosage(i, m), call(m, i));
                }
            }
            assert_eq!(a.counts(), b.counts());
        }
    }

    #[test]
    fn builders_appended_to_each_other_are_one() {
        let call = |m: usize, i: usize| match (m * 31 + i * 7 + m * i) % 5 {
            3 if m > 90 => None,
            x => Some(x as u8 % 3),
        };
        let segments = [("a", 0..70), ("b", 70..71), ("c", 71..200)];
        let mut whole = GenotypeBuilder::new(67);
        let mut parts = GenotypeBuilder::new(67);
        for (name, snps) in segments {
            let mut part = GenotypeBuilder::new(67);
            whole.segment(name);
            part.segment(name);
            for m in snps {
                whole.push((0..67).map(|i| call(m, i)));
                part.push((0..67).map(|i| call(m, i)));
            }
            parts.append(part);
        }
        assert_eq!(parts.finish(), whole.finish());
    }

    #[test]
    #[should_panic(expected = "bits of nobody")]
    fn bits_past_the_last_individual_are_a_bug() {
        let mut builder = GenotypeBuilder::new(3);
        builder.segment("s");
        builder.push_planes([&[8], &[0], &[0]]);
    }
}

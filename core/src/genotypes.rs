//! Hard-called genotypes as bit planes, in segments.
//!
//! A dosage is the number of counted alleles (A1 of a `.bim` line): 0, 1 or 2, or missing.
//! Each individual owns one row of 64-bit words per plane: `some` (dosage ≥ 1), `two`
//! (dosage = 2) and, only where a call is missing anywhere, `missing`. A missing call is zero in
//! the first two planes. SNPs are grouped in segments (a chromosome, or a weight class); each
//! segment is padded to [`SEGMENT_BITS`] with zero bits, which no pair statistic can see.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

/// Segments are padded to this many SNPs, one AVX-512 register.
pub const SEGMENT_BITS: usize = 512;

/// Calls of one SNP over the individuals that define its moments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Individuals with dosage 0, 1 and 2.
    pub dosage: [u32; 3],
    /// Individuals without a call.
    pub missing: u32,
}

impl Counts {
    /// Individuals with a call.
    pub fn observed(&self) -> u64 {
        self.dosage.iter().map(|&c| u64::from(c)).sum()
    }

    /// Counted alleles over all calls, Σx.
    pub fn alleles(&self) -> u64 {
        u64::from(self.dosage[1]) + 2 * u64::from(self.dosage[2])
    }

    /// Mean dosage μ over the calls; 0 if there are none.
    pub fn mean(&self) -> f64 {
        match self.observed() {
            0 => 0.0,
            n => self.alleles() as f64 / n as f64,
        }
    }

    /// Frequency of the counted allele, μ/2.
    pub fn frequency(&self) -> f64 {
        self.mean() / 2.0
    }

    /// Variance (ddof 0) of the mean-imputed column: Σ_observed (x − μ)² / N, N counting the
    /// individuals without a call too.
    pub fn variance(&self) -> f64 {
        let total = self.observed() + u64::from(self.missing);
        if total == 0 {
            return 0.0;
        }
        let mu = self.mean();
        let ss: f64 = (0..3)
            .map(|x| f64::from(self.dosage[x]) * (x as f64 - mu) * (x as f64 - mu))
            .sum();
        ss / total as f64
    }

    /// Whether all calls agree (or there are none).
    pub fn is_monomorphic(&self) -> bool {
        self.dosage.iter().filter(|&&c| c > 0).count() <= 1
    }
}

/// A group of neighbouring SNPs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Name, usually the chromosome's.
    pub name: String,
    /// SNPs of this segment, as indices into the whole set.
    pub snps: Range<usize>,
    /// Words of this segment in every row.
    pub words: Range<usize>,
}

/// Calls of N individuals at M SNPs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genotypes {
    samples: usize,
    segments: Vec<Segment>,
    counts: Vec<Counts>,
    words: usize,
    some: Vec<u64>,
    two: Vec<u64>,
    missing: Option<Vec<u64>>,
}

impl Genotypes {
    /// Genotypes from stored planes: rows of all individuals one after the other, as
    /// [`some`](Self::some), [`two`](Self::two) and [`missing`](Self::missing) give them.
    ///
    /// # Errors
    /// What is wrong with them: a size, a bit in the padding, or calls that contradict each other.
    pub fn from_planes(
        samples: usize,
        segments: &[(String, usize)],
        some: Vec<u64>,
        two: Vec<u64>,
        missing: Option<Vec<u64>>,
    ) -> Result<Self, &'static str> {
        let (mut snps, mut words) = (0, 0);
        let mut cut = Vec::with_capacity(segments.len());
        for (name, len) in segments {
            let used = len.div_ceil(SEGMENT_BITS) * (SEGMENT_BITS / 64);
            let name = name.clone();
            cut.push(Segment {
                name,
                snps: snps..snps + len,
                words: words..words + used,
            });
            (snps, words) = (snps + len, words + used);
        }
        let expected = samples
            .checked_mul(words)
            .ok_or("more words than can be addressed")?;
        let planes = [Some(&some), Some(&two), missing.as_ref()];
        if planes.iter().flatten().any(|p| p.len() != expected) {
            return Err("the planes do not have the size of the individuals and SNPs");
        }
        for (at, word) in some.iter().enumerate() {
            let gone = missing.as_ref().map_or(0, |p| p[at]);
            if two[at] & !word != 0 || gone & word != 0 {
                return Err("calls contradict each other");
            }
            let column = at % words;
            let segment = cut.partition_point(|s| s.words.end <= column);
            let used = cut[segment]
                .snps
                .len()
                .saturating_sub((column - cut[segment].words.start) * 64);
            if used < 64 && (word | gone) >> used != 0 {
                return Err("calls beyond the last SNP");
            }
        }
        let mut genotypes = Genotypes {
            samples,
            segments: cut,
            counts: vec![Counts::default(); snps],
            words,
            some,
            two,
            missing: missing.filter(|plane| plane.iter().any(|&w| w != 0)),
        };
        genotypes.counts = (0..snps).map(|m| genotypes.count(m)).collect();
        Ok(genotypes)
    }

    /// Individuals, N.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// SNPs, M.
    pub fn snps(&self) -> usize {
        self.counts.len()
    }

    /// The segments, in order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Calls of every SNP over these individuals, in order.
    pub fn counts(&self) -> &[Counts] {
        &self.counts
    }

    /// 64-bit words in a row of one plane.
    pub fn words(&self) -> usize {
        self.words
    }

    /// Plane x ≥ 1 of individual `i`.
    pub fn some(&self, i: usize) -> &[u64] {
        &self.some[i * self.words..][..self.words]
    }

    /// Plane x = 2 of individual `i`.
    pub fn two(&self, i: usize) -> &[u64] {
        &self.two[i * self.words..][..self.words]
    }

    /// Plane of missing calls of individual `i`; `None` if no call is missing in the whole set.
    pub fn missing(&self, i: usize) -> Option<&[u64]> {
        self.missing
            .as_ref()
            .map(|plane| &plane[i * self.words..][..self.words])
    }

    /// Whether any call is missing.
    pub fn has_missing(&self) -> bool {
        self.missing.is_some()
    }

    /// Word and bit of SNP `m` within a row.
    ///
    /// # Panics
    /// If `m` is not below [`snps`](Self::snps).
    pub fn position(&self, m: usize) -> (usize, u32) {
        assert!(m < self.snps(), "SNP {m} of {}", self.snps());
        let s = self.segments.partition_point(|s| s.snps.end <= m);
        let bit = m - self.segments[s].snps.start;
        (self.segments[s].words.start + bit / 64, (bit % 64) as u32)
    }

    /// Dosage of individual `i` at SNP `m`, `None` if missing.
    pub fn dosage(&self, i: usize, m: usize) -> Option<u8> {
        let (word, bit) = self.position(m);
        let at = |plane: &[u64]| (plane[word] >> bit) & 1;
        if self.missing(i).is_some_and(|plane| at(plane) == 1) {
            return None;
        }
        Some((at(self.some(i)) + at(self.two(i))) as u8)
    }

    /// Indices of the missing SNPs of individual `i` with the word and bit they stand at.
    pub fn missing_snps(&self, i: usize) -> impl Iterator<Item = (usize, usize, u32)> + '_ {
        let plane = self.missing(i).unwrap_or(&[]);
        self.segments.iter().flat_map(move |s| {
            let words = if plane.is_empty() {
                0..0
            } else {
                s.words.clone()
            };
            words.flat_map(move |w| {
                let first = s.snps.start + (w - s.words.start) * 64;
                Bits(plane[w]).map(move |bit| (first + bit as usize, w, bit))
            })
        })
    }

    /// The same SNPs for some of the individuals, in the order of `rows`; counts are theirs.
    pub fn select(&self, rows: &[u32]) -> Genotypes {
        let gather = |plane: &Vec<u64>| {
            let mut out = Vec::with_capacity(rows.len() * self.words);
            for &i in rows {
                out.extend_from_slice(&plane[i as usize * self.words..][..self.words]);
            }
            out
        };
        let mut subset = Genotypes {
            samples: rows.len(),
            segments: self.segments.clone(),
            counts: self.counts.clone(),
            words: self.words,
            some: gather(&self.some),
            two: gather(&self.two),
            missing: self
                .missing
                .as_ref()
                .map(gather)
                .filter(|plane| plane.iter().any(|&w| w != 0)),
        };
        subset.counts = (0..self.snps()).map(|m| subset.count(m)).collect();
        subset
    }

    fn count(&self, m: usize) -> Counts {
        let (word, bit) = self.position(m);
        let mut counts = Counts::default();
        for i in 0..self.samples {
            let at = |plane: &[u64]| ((plane[word] >> bit) & 1) as usize;
            if self.missing(i).is_some_and(|p| at(p) == 1) {
                counts.missing += 1;
            } else {
                counts.dosage[at(self.some(i)) + at(self.two(i))] += 1;
            }
        }
        counts
    }
}

/// Positions of the one bits of a word, ascending.
pub(crate) struct Bits(pub(crate) u64);

impl Iterator for Bits {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        (self.0 != 0).then(|| {
            let bit = self.0.trailing_zeros();
            self.0 &= self.0 - 1;
            bit
        })
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    fn call(i: usize, m: usize) -> Option<u8> {
        match (i * 7 + m * 5 + i * m) % 11 {
            0 => None,
            r => Some((r % 3) as u8),
        }
    }

    #[test]
    fn calls_survive_the_transposition_across_segment_borders() {
        let (n, sizes) = (13, [1, 63, 64, 65, 0, 513]);
        let mut b = GenotypeBuilder::new(n);
        let mut m = 0;
        for (s, &size) in sizes.iter().enumerate() {
            b.segment(alloc::format!("{s}"));
            for _ in 0..size {
                b.push((0..n).map(|i| call(i, m)));
                m += 1;
            }
        }
        let g = b.finish();
        assert_eq!(g.snps(), m);
        assert!(g.segments().iter().all(|s| s.words.len() % 8 == 0));
        for i in 0..n {
            for m in 0..m {
                assert_eq!(g.dosage(i, m), call(i, m), "individual {i}, SNP {m}");
            }
            let missing: Vec<usize> = g.missing_snps(i).map(|(m, _, _)| m).collect();
            let expected: Vec<usize> = (0..m).filter(|&m| call(i, m).is_none()).collect();
            assert_eq!(missing, expected);
        }
        let plane = |f: fn(&Genotypes, usize) -> Vec<u64>| (0..n).flat_map(|i| f(&g, i)).collect();
        let names: Vec<_> = g
            .segments()
            .iter()
            .map(|s| (s.name.clone(), s.snps.len()))
            .collect();
        let some: Vec<u64> = plane(|g, i| g.some(i).to_vec());
        let two: Vec<u64> = plane(|g, i| g.two(i).to_vec());
        let missing = Some(plane(|g, i| g.missing(i).unwrap_or(&[]).to_vec()));
        let stored = Genotypes::from_planes(n, &names, some.clone(), two, missing);
        assert_eq!(stored, Ok(g.clone()));
        let wrong =
            Genotypes::from_planes(n, &names, some.clone(), vec![u64::MAX; some.len()], None);
        assert_eq!(wrong, Err("calls contradict each other"));
        let rows = [4, 2, 2, 12];
        let s = g.select(&rows);
        assert_eq!(s.dosage(1, 70), call(2, 70));
        assert_eq!(
            s.counts()[5].observed() + u64::from(s.counts()[5].missing),
            4
        );
    }

    #[test]
    fn an_empty_set_has_no_words() {
        let g = GenotypeBuilder::new(4).finish();
        assert_eq!(
            (g.samples(), g.snps(), g.words(), g.has_missing()),
            (4, 0, 0, false)
        );
    }
}

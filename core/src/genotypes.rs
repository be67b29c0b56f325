//! Hard-called genotypes as bit planes, in segments.
//!
//! A dosage is the number of counted alleles (A1 of a `.bim` line): 0, 1 or 2, or missing.
//! Each individual owns one row of 64-bit words per plane: `some` (dosage ≥ 1), `two`
//! (dosage = 2) and, only where a call is missing anywhere, `missing`. A missing call is zero in
//! the first two planes. SNPs are grouped in segments (a chromosome, or a weight class); each
//! segment is padded to [`SEGMENT_BITS`] with zero bits, which no pair statistic can see.

mod builder;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;

pub use builder::GenotypeBuilder;

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

#[cfg(test)]
mod tests;

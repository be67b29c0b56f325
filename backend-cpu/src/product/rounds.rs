//! The weights of a statistic, round by round, as bits or bytes of calls are multiplied by them.

use epitile_core::genotypes::Genotypes;
use epitile_core::pairs::{CHUNK_GROUPS, Chunk, FACTORS, GROUP, NO_SNP};

use crate::simd::dosages;
use crate::simd::line::{LINE, Line};
use crate::simd::popcount::weighted::{self, WEIGHTS};
use crate::simd::transpose::SNPS;
use crate::slice;

/// Weights of some SNPs, in units of 2^shift.
pub(super) struct Round {
    pub(super) numbers: Numbers,
    pub(super) shift: u32,
    pub(super) order: Order,
}

/// Weights as what they multiply needs them.
pub(super) enum Numbers {
    /// Those of counts of bits.
    Bits(Vec<Line>),
    /// Factors for rows and, unless all are 1, for columns.
    Bytes(Vec<Line>, Option<Vec<Line>>),
}

/// The order of the SNPs of a round.
pub(super) enum Order {
    /// One by one; [`NO_SNP`] for a gap.
    Snps(Vec<u32>),
    /// All those of some words.
    Words(Vec<u32>),
}

/// The rounds that multiply what `chunks` say, of SNPs that stand as in `genotypes`; shifts are less
/// `fraction`.
pub(super) fn rounds(chunks: &[Chunk], genotypes: &Genotypes, fraction: u32) -> Vec<Round> {
    let with_bytes = dosages::are_fast();
    let mut chunks = match with_bytes {
        true => joined(chunks),
        false => chunks.to_vec(),
    };
    chunks.retain(|chunk| chunk.values.iter().any(|&v| v != 0));
    chunks.iter_mut().for_each(reduce);
    let factors = Factors::new();
    let round = |chunk: Chunk| {
        let shift = chunk.shift - fraction;
        if !with_bytes {
            let lines = chunk.values.chunks(WEIGHTS).map(weighted::line);
            return Round {
                numbers: Numbers::Bits(lines.collect()),
                shift,
                order: Order::Snps(chunk.snps),
            };
        }
        let (order, values) = order(chunk, genotypes);
        Round {
            numbers: factors.numbers(&values),
            shift,
            order,
        }
    };
    chunks.into_iter().map(round).collect()
}

/// Chunks whose products are summed in 32 bits together: their SNPs' products are below 2¹⁴.
const CHUNKS: usize = 8;

const _: () = assert!((CHUNKS * CHUNK_GROUPS * GROUP) << 14 < 1 << 31);

/// The same weights in fewer chunks, as long as they are in the same units.
fn joined(chunks: &[Chunk]) -> Vec<Chunk> {
    let mut joined: Vec<Chunk> = Vec::new();
    for chunk in chunks {
        match joined.last_mut() {
            Some(last)
                if last.shift == chunk.shift
                    && last.values.len() + chunk.values.len() <= CHUNKS * CHUNK_GROUPS =>
            {
                last.values.extend(&chunk.values);
                last.snps.extend(&chunk.snps);
            }
            _ => joined.push(chunk.clone()),
        }
    }
    joined
}

/// Takes out of the numbers of a chunk what powers of two they have in common.
fn reduce(chunk: &mut Chunk) {
    let values = chunk.values.iter().filter(|&&v| v != 0);
    let bits = values.map(|v| v.trailing_zeros()).min();
    let bits = bits.expect("a number that is not 0");
    chunk.values.iter_mut().for_each(|v| *v >>= bits);
    chunk.shift += bits;
}

/// An order for the SNPs of a chunk that spares sorting them where they are half of all, and each
/// one's number.
fn order(chunk: Chunk, genotypes: &Genotypes) -> (Order, Vec<i16>) {
    let each = || {
        let values = chunk.values.iter().flat_map(|&v| [v; GROUP]);
        chunk.snps.iter().copied().zip(values)
    };
    let mut by_snp = vec![0; genotypes.snps()];
    let mut used = 0;
    // What is left of a SNP's number may follow in the same unit.
    let mut is_twice = false;
    for (m, v) in each().filter(|&(m, v)| m != NO_SNP && v != 0) {
        is_twice |= by_snp[m as usize] != 0;
        by_snp[m as usize] = v;
        used += 1;
    }
    if is_twice || 2 * used < genotypes.snps() {
        let values = each().map(|(_, v)| v).collect();
        return (Order::Snps(chunk.snps), values);
    }
    let mut values = Vec::with_capacity(genotypes.snps());
    for segment in genotypes.segments() {
        values.extend_from_slice(&by_snp[segment.snps.clone()]);
        values.resize(values.len().next_multiple_of(SNPS), 0);
    }
    (Order::Words(slice::words(genotypes)), values)
}

/// Numbers of chunks as products of two factors.
struct Factors(Vec<Option<[u8; 2]>>);

impl Factors {
    fn new() -> Self {
        let most = FACTORS[0] * FACTORS[1];
        let mut factors = vec![None; most as usize + 1];
        // The least second factor is written last.
        for second in (1..=FACTORS[1]).rev() {
            for first in 0..=FACTORS[0] {
                factors[(first * second) as usize] = Some([first as u8, second as u8]);
            }
        }
        Factors(factors)
    }

    /// The first factor as i8, and the second.
    fn of(&self, v: i16) -> [u8; 2] {
        let magnitude = usize::from(v.unsigned_abs());
        let factors = self.0.get(magnitude).copied().flatten();
        let [first, second] = factors.expect("numbers of a chunk are products");
        [(first as i8 * v.signum() as i8) as u8, second]
    }

    /// Both factors of the number of every SNP.
    fn numbers(&self, values: &[i16]) -> Numbers {
        let factors: Vec<[u8; 2]> = values.iter().map(|&v| self.of(v)).collect();
        let side = |k: usize| {
            let line =
                |factors: &[[u8; 2]]| dosages::weights(|s| factors.get(s).map_or(0, |of| of[k]));
            factors.chunks(SNPS).map(line).collect()
        };
        let some = factors.iter().any(|&[_, second]| second != 1);
        Numbers::Bytes(side(0), some.then(|| side(1)))
    }
}

const _: () = assert!(SNPS.is_multiple_of(GROUP) && WEIGHTS * GROUP == LINE * SNPS);

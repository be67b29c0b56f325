//! Writers of PLINK 1 filesets: `.bed`, `.bim` and `.fam`.
//!
//! They take any [`Write`] and report what it reports; give them a buffered one.

use std::io::{Result, Write};

use epitile_core::genotypes::Genotypes;

use super::bed::MAGIC;
use super::bim::Snp;
use super::fam::Sample;

/// Two-bit codes of dosage 0, 1 and 2 of A1.
const CODE: [u8; 3] = [0b11, 0b10, 0b00];

/// Two-bit code of a missing call.
const MISSING: u8 = 0b01;

/// Writes a SNP-major `.bed`: SNPs and individuals in their order, four individuals a byte, the
/// first in the lowest bits, unused bits zero.
///
/// # Errors
/// Those of `out`.
pub fn bed(out: &mut impl Write, genotypes: &Genotypes) -> Result<()> {
    out.write_all(&MAGIC)?;
    let n = genotypes.samples();
    let mut packed = vec![0u8; n.div_ceil(4)];
    // One word of every individual at a time: its 64 SNPs are written before rows are left.
    let mut column = vec![[0u64; 3]; n];
    for segment in genotypes.segments() {
        for (k, word) in segment.words.clone().enumerate() {
            let done = segment.snps.start + 64 * k;
            if done >= segment.snps.end {
                break; // Only padding is left.
            }
            for (i, planes) in column.iter_mut().enumerate() {
                let missing = genotypes.missing(i).map_or(0, |plane| plane[word]);
                *planes = [genotypes.some(i)[word], genotypes.two(i)[word], missing];
            }
            for bit in 0..(segment.snps.end - done).min(64) {
                pack(&column, bit, &mut packed);
                out.write_all(&packed)?;
            }
        }
    }
    Ok(())
}

/// Packs the calls of one SNP; `column` holds the planes `some`, `two`, `missing` of everyone.
fn pack(column: &[[u64; 3]], bit: usize, packed: &mut [u8]) {
    for (byte, four) in packed.iter_mut().zip(column.chunks(4)) {
        *byte = 0;
        for (place, planes) in four.iter().enumerate() {
            let [some, two, missing] = planes.map(|plane| (plane >> bit) as usize & 1);
            let code = if missing == 1 {
                MISSING
            } else {
                CODE[some + two]
            };
            *byte |= code << (2 * place);
        }
    }
}

/// Writes a `.bim`: chromosome, ID, centimorgan, position, A1, A2, separated by tabs.
///
/// # Errors
/// Those of `out`.
pub fn bim(out: &mut impl Write, snps: &[Snp]) -> Result<()> {
    for s in snps {
        let Snp {
            chromosome,
            id,
            cm,
            position,
            a1,
            a2,
        } = s;
        writeln!(out, "{chromosome}\t{id}\t{cm}\t{position}\t{a1}\t{a2}")?;
    }
    Ok(())
}

/// Writes a `.fam`: FID, IID, father, mother, sex, phenotype (−9 if missing), separated by tabs.
///
/// # Errors
/// Those of `out`.
pub fn fam(out: &mut impl Write, samples: &[Sample]) -> Result<()> {
    for s in samples {
        let Sample {
            fid,
            iid,
            father,
            mother,
            sex,
            phenotype,
        } = s;
        write!(out, "{fid}\t{iid}\t{father}\t{mother}\t{}\t", sex.code())?;
        match phenotype {
            Some(y) => writeln!(out, "{y}")?,
            None => writeln!(out, "-9")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use epitile_core::genotypes::GenotypeBuilder;

    use super::*;
    use crate::io::fam::Sex;
    use crate::io::{bed, bim, fam, scratch};

    #[test]
    fn calls_have_the_codes_of_the_plink_1_format() {
        let mut b = GenotypeBuilder::new(5);
        b.segment("1");
        b.push([Some(2), None, Some(1), Some(0), Some(1)]);
        b.segment("2");
        b.push([Some(0), Some(0), Some(2), Some(2), None]);
        let mut bytes = Vec::new();
        super::bed(&mut bytes, &b.finish()).unwrap();
        // By hand, last individual of four in the highest bits.
        let expected = [
            0x6c,
            0x1b,
            0x01,
            0b11_10_01_00,
            0b00_00_00_10,
            0b00_00_11_11,
            0b00_00_00_01,
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn genotypes_of_many_words_are_read_back_as_written() {
        let call = |i: usize, m: usize| match (i * 7 + m * 5 + i * m) % 11 {
            0 => None,
            r => Some((r % 3) as u8),
        };
        let (n, sizes) = (13, [1, 64, 0, 65, 700]);
        let mut b = GenotypeBuilder::new(n);
        let mut snps = 0;
        for size in sizes {
            b.segment("c");
            for m in snps..snps + size {
                b.push((0..n).map(|i| call(i, m)));
            }
            snps += size;
        }
        let mut bytes = Vec::new();
        super::bed(&mut bytes, &b.finish()).unwrap();
        let file = scratch(&bytes);
        let mut bed = bed::Bed::open(file.path(), n, snps).unwrap();
        let wanted: Vec<u32> = (0..snps as u32).collect();
        bed.visit(&wanted, |m, calls| {
            for i in 0..n {
                assert_eq!(calls.call(i), call(i, m), "individual {i}, SNP {m}");
            }
            Ok(())
        })
        .unwrap();
    }

    #[test]
    fn snps_and_samples_are_read_back_as_written() {
        let snps = vec![Snp {
            chromosome: "7".into(),
            id: "rs1".into(),
            cm: 0.25,
            position: 250_000,
            a1: "A".into(),
            a2: "AC".into(),
        }];
        let mut text = Vec::new();
        super::bim(&mut text, &snps).unwrap();
        assert_eq!(text, b"7\trs1\t0.25\t250000\tA\tAC\n");
        assert_eq!(bim::read(scratch(&text).path()).unwrap(), snps);

        let measured = Sample {
            sex: Sex::Female,
            phenotype: Some(-0.5),
            ..Sample::new("f", "a")
        };
        let samples = vec![measured, Sample::new("f", "b")];
        let mut text = Vec::new();
        super::fam(&mut text, &samples).unwrap();
        assert_eq!(text, b"f\ta\t0\t0\t2\t-0.5\nf\tb\t0\t0\t0\t-9\n");
        assert_eq!(fam::read(scratch(&text).path()).unwrap(), samples);
    }
}

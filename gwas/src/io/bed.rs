//! `.bed` of PLINK 1: two bits per call, SNP by SNP, streamed.
//!
//! Codes, first individual in the lowest bits: 00 two A1 (dosage 2), 01 missing, 10 one of each
//! (1), 11 two A2 (0).

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use epitile_core::genotypes::Counts;

use super::text::open;
use crate::error::{Error, Place, Result};

/// First bytes of a SNP-major `.bed`.
pub const MAGIC: [u8; 3] = [0x6c, 0x1b, 0x01];

/// Bytes read at once.
const BUFFER: usize = 1 << 20;

/// Dosage of A1 by code; `None` is a missing call.
const DOSAGE: [Option<u8>; 4] = [Some(2), None, Some(1), Some(0)];

/// The calls of one SNP over all individuals of the file, still packed.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    /// Calls of one SNP, four in a byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Packed(bytes)
    }

    /// The bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Dosage of A1 of individual `i` of the file; `None` if missing.
    ///
    /// # Panics
    /// If the file has no individual `i`.
    pub fn call(&self, i: usize) -> Option<u8> {
        DOSAGE[self.code(i)]
    }

    /// Calls of the individuals `rows`, counted.
    pub fn count(&self, rows: &[u32]) -> Counts {
        let mut codes = [0; 4];
        for &i in rows {
            codes[self.code(i as usize)] += 1;
        }
        Counts {
            dosage: [codes[3], codes[2], codes[0]],
            missing: codes[1],
        }
    }

    /// Bits of the first `samples` individuals, 64 in a word: dosage ≥ 1, dosage = 2, missing.
    ///
    /// # Panics
    /// If the file has fewer.
    pub fn planes(&self, samples: usize, planes: &mut [Vec<u64>; 3]) {
        let [some, two, missing] = planes;
        for plane in [&mut *some, &mut *two, &mut *missing] {
            plane.clear();
        }
        for (k, bytes) in self.0[..samples.div_ceil(4)].chunks(16).enumerate() {
            let mut padded = [0; 16];
            padded[..bytes.len()].copy_from_slice(bytes);
            let calls = u128::from_le_bytes(padded);
            let (low, high) = (even(calls), even(calls >> 1));
            let there = u64::MAX >> (64 - 64.min(samples - 64 * k));
            some.push(!low & there);
            two.push(!(low | high) & there);
            missing.push(low & !high & there);
        }
    }

    fn code(&self, i: usize) -> usize {
        usize::from(self.0[i / 4] >> (2 * (i % 4))) & 3
    }
}

/// The even bits, next to each other.
fn even(bits: u128) -> u64 {
    let half = |bits: u64| {
        let mut x = bits & 0x5555_5555_5555_5555;
        for (shift, mask) in [
            (1, 0x3333_3333_3333_3333),
            (2, 0x0f0f_0f0f_0f0f_0f0f),
            (4, 0x00ff_00ff_00ff_00ff),
            (8, 0x0000_ffff_0000_ffff),
            (16, 0x0000_0000_ffff_ffff),
        ] {
            x = (x | x >> shift) & mask;
        }
        x
    };
    half(bits as u64) | half((bits >> 64) as u64) << 32
}

/// An open `.bed` file whose size fits its `.fam` and `.bim`.
#[derive(Debug)]
pub struct Bed {
    path: PathBuf,
    file: File,
    samples: usize,
    snps: usize,
}

impl Bed {
    /// Opens the file of `samples` individuals and `snps` SNPs and checks its head and size.
    ///
    /// # Errors
    /// `Open`, `Read`; `Malformed` if it is no SNP-major `.bed`; `Inconsistent` if its size does
    /// not fit the numbers of individuals and SNPs.
    pub fn open(path: impl AsRef<Path>, samples: usize, snps: usize) -> Result<Bed> {
        let path = path.as_ref().to_owned();
        let mut file = open(&path)?;
        let size = file.metadata().map_err(|e| Error::read(&path, &e))?.len();
        let mut head = Vec::new();
        let read = (&mut file).take(3).read_to_end(&mut head);
        read.map_err(|e| Error::read(&path, &e))?;
        check_head(&path, &head)?;
        check_size(&path, size, samples, snps)?;
        Ok(Bed {
            path,
            file,
            samples,
            snps,
        })
    }

    /// Individuals in the file.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// SNPs in the file.
    pub fn snps(&self) -> usize {
        self.snps
    }

    /// Reads the SNPs `wanted` (indices into the file, in any order; ascending is fastest) and
    /// hands each to `each` as its place in `wanted` and its calls. Holds about 1 MiB at a time.
    ///
    /// # Errors
    /// `Read`; `Malformed` for calls after those of the last individual; what `each` returns.
    ///
    /// # Panics
    /// If an index is not below [`snps`](Self::snps).
    pub fn visit(
        &mut self,
        wanted: &[u32],
        mut each: impl FnMut(usize, Packed<'_>) -> Result<()>,
    ) -> Result<()> {
        let stride = self.samples.div_ceil(4);
        let most = (BUFFER / stride.max(1)).max(1);
        let mut buffer = Vec::new();
        let mut at = 0;
        while at < wanted.len() {
            let first = wanted[at];
            let run = wanted[at..].iter().zip(first..).take(most);
            let run = run.take_while(|(w, next)| *w == next).count();
            assert!(first as usize + run <= self.snps, "SNP of {}", self.snps);
            buffer.resize(run * stride, 0);
            let start = MAGIC.len() as u64 + u64::from(first) * stride as u64;
            self.file
                .seek(SeekFrom::Start(start))
                .and_then(|_| self.file.read_exact(&mut buffer))
                .map_err(|e| Error::read(&self.path, &e))?;
            for k in 0..run {
                let calls = &buffer[k * stride..][..stride];
                self.check_padding(first as usize + k, calls)?;
                each(at + k, Packed(calls))?;
            }
            at += run;
        }
        Ok(())
    }
}

impl Bed {
    /// Bits after the last individual's are zero, unless the `.fam` lacks individuals.
    fn check_padding(&self, snp: usize, calls: &[u8]) -> Result<()> {
        let used = 2 * (self.samples % 4);
        match calls.last() {
            Some(&last) if used > 0 && last >> used != 0 => {}
            _ => return Ok(()),
        }
        let end = MAGIC.len() + (snp + 1) * calls.len() - 1;
        Err(Error::malformed(
            &self.path,
            Place::Byte(end as u64),
            format!("calls of SNP {} after the last individual's", snp + 1),
            format!(
                "zeros after {} individuals, those of the .fam",
                self.samples
            ),
            "The .fam probably lacks rows: take the one that was made with the .bed",
        ))
    }
}

fn check_head(path: &Path, head: &[u8]) -> Result<()> {
    let bad = |found: String, expected: &str, advice: &str| {
        Err(Error::malformed(
            path,
            Place::Byte(0),
            found,
            expected,
            advice,
        ))
    };
    let hex: Vec<String> = head.iter().map(|b| format!("{b:02x}")).collect();
    let convert = "Convert it with `plink2 --bfile PREFIX --make-bed --out NEW`";
    match head {
        [0x6c, 0x1b, 0x01] => Ok(()),
        [0x6c, 0x1b, 0x00] => bad(
            "a sample-major .bed (bytes 6c 1b 00)".into(),
            "a SNP-major one (bytes 6c 1b 01)",
            convert,
        ),
        _ if head.len() < 3 => bad(
            format!("a file of {} bytes", head.len()),
            "a PLINK .bed, which starts with the bytes 6c 1b 01",
            "The file is truncated: copy or make it again",
        ),
        _ => bad(
            format!("the bytes {}", hex.join(" ")),
            "those of a PLINK 1 .bed, 6c 1b 01",
            "If it is a .bed of PLINK before 2009 or a .pgen, convert it with PLINK; \
             a UCSC .bed holds no genotypes",
        ),
    }
}

fn check_size(path: &Path, size: u64, samples: usize, snps: usize) -> Result<()> {
    let stride = samples.div_ceil(4) as u64;
    let head = MAGIC.len() as u64;
    let expected = stride
        .checked_mul(snps as u64)
        .and_then(|b| b.checked_add(head));
    if expected == Some(size) {
        return Ok(());
    }
    let body = size - head;
    let holds = match body.checked_rem(stride) {
        None => "there are no individuals".to_owned(),
        Some(0) => format!("for {samples} individuals it holds {} SNPs", body / stride),
        Some(rest) => format!(
            "for {samples} individuals it holds {} SNPs and {rest} bytes too many",
            body / stride
        ),
    };
    Err(Error::inconsistent(format!(
        "{}: {size} bytes found, but {samples} individuals (.fam) × {snps} SNPs (.bim) take {} \
         bytes; {holds}. The three files are not of one set, or the .bed is truncated: make or \
         copy them again",
        path.display(),
        expected.map_or("too many".into(), |b| b.to_string()),
    )))
}

#[cfg(test)]
mod tests;

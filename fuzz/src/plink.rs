//! `.bed/.bim/.fam`: refused in words, or read as a naive reader reads them.

use std::collections::BTreeSet;

use epitile::align::align;
use epitile::cohort::{Cohort, CohortOptions};
use epitile::io::bim::Snp;
use epitile::io::chromosome::ChromosomeSet;
use epitile::io::fam::Sample;
use epitile::io::fileset::Fileset;
use epitile::io::{bim, fam, write_bed};
use epitile_core::genotypes::Genotypes;

use crate::refused::refused;
use crate::scratch::Folder;
use crate::source::{END, Source};

/// Inputs to start from: toy filesets with every filter, and some that must be refused.
pub fn seeds() -> Vec<Vec<u8>> {
    let fam = "f a 0 0 1 0.5\nf b 0 0 2 -9\n0 c f a 0 NA\ng d 0 0 1 2\ng e 0 0 2 1e3\n";
    let bim = "1 s1 0 10 A C\n1 s2 0.5 20 T A\n2\ts3\t0\t5\tG\t0\nX s4 0 7 C G\n1 s5 0 9 A AT\n";
    let bed = [0b11_10_01_00, 0b10, 0x1b, 2, 0xe4, 3, 0xff, 3, 0x8d, 0];
    let with = |flags: u8, texts: [&str; 4], bed: &[u8]| {
        let mut input = vec![flags];
        for text in texts {
            input.extend_from_slice(text.as_bytes());
            input.push(END);
        }
        input.extend_from_slice(bed);
        input
    };
    let whole: Vec<u8> = [&epitile::io::bed::MAGIC[..], &bed].concat();
    vec![
        with(0, ["", "", fam, bim], &whole),
        with(0, ["", "", fam, bim], &whole[..9]),
        with(1, ["", "", fam, bim], &bed),
        with(0b11, ["", "f a\ng d\nx y\n", fam, bim], &bed),
        with(0b101, ["", "s1\ns3\nnone\n", fam, bim], &bed),
        with(0b1001, ["1-2,X,chrMT", "", fam, bim], &bed),
        with(0xf1, ["", "", fam, bim], &bed),
        with(
            1,
            [
                "",
                "",
                "\u{feff}f a 0 0 1 1\r\n\r\n",
                "chr1 s1 0 -7 D d\r\n",
            ],
            &[2],
        ),
        with(1, ["", "", "f a 0 0 1 1\nf a 0 0 1 1\n", bim], &bed),
    ]
}

/// A byte of options, then sections: `--chr`, an ID list, `.fam`, `.bim`, and the `.bed` to the
/// end. Bits of the first byte: 0 the `.bed` gets head and size that fit; 1 `--keep` and 2
/// `--extract` with the list; 3 `--chr`; 4 `--mind`; 5 `--geno`; 6 `--maf`; 7 `--mac`.
///
/// # Panics
/// If a promise is broken.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let flags = source.byte();
    let on = |bit: u8| flags >> bit & 1 == 1;
    let (chr, list) = (source.section(), source.section());
    let (fam_bytes, bim_bytes) = (source.section(), source.section());
    let folder = Folder::new();
    let prefix = folder.path("p");
    folder.put("p.fam", fam_bytes);
    folder.put("p.bim", bim_bytes);
    let list = folder.put("list", list);
    let files = match Fileset::read(&prefix) {
        Ok(files) => files,
        Err(error) => return refused(&error),
    };
    let stride = files.samples.len().div_ceil(4);
    let mut bed = source.rest().to_vec();
    if on(0) {
        bed.resize(stride * files.snps.len(), 0b01_11_10_00);
        bed.splice(..0, epitile::io::bed::MAGIC);
    }
    folder.put("p.bed", &bed);
    rows_are_lines(fam_bytes, bim_bytes, &files);
    text_round_trips(&folder, &files);
    let options = CohortOptions {
        keep: on(1).then(|| list.clone()),
        extract: on(2).then_some(list),
        chr: on(3).then(|| String::from_utf8_lossy(chr).into_owned()),
        mind: on(4).then_some(0.25),
        geno: on(5).then_some(0.3),
        maf: on(6).then_some(0.1),
        mac: on(7).then_some(2),
        ..CohortOptions::new(&prefix)
    };
    let cohort = match Cohort::load(&options) {
        Ok(cohort) => cohort,
        Err(error) => return refused(&error),
    };
    assert_eq!(bed.len(), 3 + stride * files.snps.len(), "size of the .bed");
    let call = |i: usize, m: usize| match bed[3 + m * stride + i / 4] >> (2 * (i % 4)) & 3 {
        0 => Some(2),
        1 => None,
        2 => Some(1),
        _ => Some(0),
    };
    let rows = places(&files, &cohort);
    calls_are_the_file_s(&files, &cohort, &rows, call);
    filters_hold(&options, &cohort);
    written_back(&folder, &cohort);
    aligned_with_itself(&files, &cohort, &rows);
}

/// Every line that is not blank is one individual, or one SNP, with its cells.
fn rows_are_lines(fam_bytes: &[u8], bim_bytes: &[u8], files: &Fileset) {
    let cells = |bytes: &[u8]| -> Vec<Vec<String>> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let lines = bytes.split(|&b| b == b'\n');
        let cells = lines.map(|line| {
            let cells = line.split(u8::is_ascii_whitespace);
            let cells = cells.filter(|cell| !cell.is_empty());
            cells
                .map(|cell| String::from_utf8(cell.to_vec()).expect("text that was read"))
                .collect::<Vec<String>>()
        });
        cells.filter(|cells| !cells.is_empty()).collect()
    };
    let ids: Vec<Vec<String>> = (files.samples.iter())
        .map(|s| vec![s.fid.clone(), s.iid.clone()])
        .collect();
    let lines: Vec<Vec<String>> = cells(fam_bytes)
        .into_iter()
        .map(|mut cells| {
            assert_eq!(cells.len(), 6, "columns of a .fam");
            cells.truncate(2);
            cells
        })
        .collect();
    assert_eq!(ids, lines, "individuals of the .fam");
    assert_eq!(
        ids.iter().collect::<BTreeSet<_>>().len(),
        ids.len(),
        "every individual once"
    );
    let snps: Vec<Vec<String>> = (files.snps.iter())
        .map(|s| {
            [&s.chromosome, &s.id, &s.a1, &s.a2]
                .map(String::clone)
                .into()
        })
        .collect();
    let lines: Vec<Vec<String>> = cells(bim_bytes)
        .into_iter()
        .map(|cells| {
            assert_eq!(cells.len(), 6, "columns of a .bim");
            [0, 1, 4, 5].map(|k: usize| cells[k].clone()).into()
        })
        .collect();
    assert_eq!(snps, lines, "SNPs of the .bim");
}

/// What is written is read back as it was, but for a mark that the first cell begins with.
fn text_round_trips(folder: &Folder, files: &Fileset) {
    let marked = |text: &str| text.starts_with('\u{feff}');
    let (mut fam_text, mut bim_text) = (Vec::new(), Vec::new());
    write_bed::fam(&mut fam_text, &files.samples).expect("memory takes every byte");
    write_bed::bim(&mut bim_text, &files.snps).expect("memory takes every byte");
    if !marked(&files.samples[0].fid) {
        let again = fam::read(folder.put("again", &fam_text));
        assert_eq!(again.as_deref(), Ok(&*files.samples), ".fam written back");
    }
    if !marked(&files.snps[0].chromosome) {
        let again = bim::read(folder.put("again", &bim_text));
        assert_eq!(again.as_deref(), Ok(&*files.snps), ".bim written back");
    }
}

/// Places of the cohort's individuals in the file.
fn places(files: &Fileset, cohort: &Cohort) -> Vec<u32> {
    let place = |s: &Sample| {
        let found = files.samples.iter().position(|f| f.key() == s.key());
        found.expect("an individual of the file") as u32
    };
    let rows: Vec<u32> = cohort.samples.iter().map(place).collect();
    assert!(rows.windows(2).all(|w| w[0] < w[1]), "order of the .fam");
    rows
}

/// Every SNP of the cohort is one of the file with its calls, none is taken twice.
fn calls_are_the_file_s(
    files: &Fileset,
    cohort: &Cohort,
    rows: &[u32],
    call: impl Fn(usize, usize) -> Option<u8>,
) {
    let g = &cohort.genotypes;
    assert_eq!(
        (g.samples(), g.snps()),
        (cohort.samples.len(), cohort.snps.len()),
        "size of the cohort"
    );
    let mut left: Vec<usize> = (0..files.snps.len()).collect();
    for (m, snp) in cohort.snps.iter().enumerate() {
        let fits = |&at: &usize| {
            let calls = rows.iter().enumerate();
            let mut calls = calls.map(|(i, &row)| (g.dosage(i, m), call(row as usize, at)));
            same_snp(&files.snps[at], snp) && calls.all(|(got, expected)| got == expected)
        };
        let place = left.iter().position(fits);
        let place = place.unwrap_or_else(|| panic!("SNP {m} ({snp:?}) is not in the file"));
        left.remove(place);
        let mut counts = [0; 4];
        for i in 0..g.samples() {
            counts[g.dosage(i, m).map_or(3, usize::from)] += 1;
        }
        let told = g.counts()[m];
        let [zero, one, two] = told.dosage;
        assert_eq!(counts, [zero, one, two, told.missing], "counts of SNP {m}");
    }
    for segment in g.segments() {
        let chromosome = |m: usize| cohort.chromosomes.label(&cohort.snps[m].chromosome);
        let first = chromosome(segment.snps.start);
        assert!(segment.snps.clone().all(|m| chromosome(m) == first));
    }
}

fn same_snp(a: &Snp, b: &Snp) -> bool {
    a == b && a.cm.to_bits() == b.cm.to_bits()
}

/// What is left satisfies the filters; `--mind` comes before the SNP filters and `--geno`,
/// `--maf` and `--mac` are about the individuals that are left.
fn filters_hold(options: &CohortOptions, cohort: &Cohort) {
    for (snp, c) in cohort.snps.iter().zip(cohort.genotypes.counts()) {
        let calls = c.observed();
        let minor = c.alleles().min(2 * calls - c.alleles());
        let missing = f64::from(c.missing) / cohort.samples.len() as f64;
        assert!(options.geno.is_none_or(|most| missing <= most), "{snp:?}");
        let frequency = minor as f64 / (2 * calls) as f64;
        assert!(
            options.maf.is_none_or(|least| frequency >= least),
            "{snp:?}"
        );
        assert!(
            options.mac.is_none_or(|least| minor >= least.into()),
            "{snp:?}"
        );
        assert!(snp.position >= 0, "{snp:?}");
    }
    for pair in cohort.filters.windows(2) {
        assert_eq!(pair[0].samples_after, pair[1].samples_before);
        assert_eq!(pair[0].snps_after, pair[1].snps_before);
    }
    cohort.counts_table().for_each(|row| drop(row.to_string()));
}

/// The cohort, written as a fileset, holds the same calls.
fn written_back(folder: &Folder, cohort: &Cohort) {
    let g = &cohort.genotypes;
    let mut bed = Vec::new();
    write_bed::bed(&mut bed, g).expect("memory takes every byte");
    let path = folder.put("again.bed", &bed);
    let mut again = epitile::io::bed::Bed::open(&path, g.samples(), g.snps()).expect("a .bed");
    let all: Vec<u32> = (0..g.snps() as u32).collect();
    let read = again.visit(&all, |m, calls| {
        (0..g.samples()).for_each(|i| assert_eq!(calls.call(i), g.dosage(i, m)));
        Ok(())
    });
    assert_eq!(read, Ok(()));
}

/// SNPs of their own IDs align with themselves, call by call; of repeated ones those whose position
/// and alleles only they have.
fn aligned_with_itself(files: &Fileset, cohort: &Cohort, rows: &[u32]) {
    let segments: Vec<(String, usize)> = (cohort.genotypes.segments().iter())
        .map(|s| (s.name.clone(), s.snps.len()))
        .collect();
    let (again, alignment) = align(files, rows, &cohort.snps, &segments).expect("a set just read");
    let ids: Vec<&str> = files.snps.iter().map(|s| &*s.id).collect();
    let distinct = ids.iter().collect::<BTreeSet<_>>().len();
    if distinct == ids.len() {
        assert_eq!(again, cohort.genotypes, "aligned with itself");
    }
    for (m, snp) in cohort.snps.iter().enumerate() {
        let named = || files.snps.iter().filter(|other| other.id == snp.id);
        let once = named().count() == 1 || named().filter(|other| same(other, snp)).count() == 1;
        let expected = |i: usize, g: &Genotypes| g.dosage(i, m).filter(|_| once);
        (0..rows.len()).for_each(|i| {
            assert_eq!(
                again.dosage(i, m),
                expected(i, &cohort.genotypes),
                "{snp:?}"
            );
        });
    }
    assert_eq!(alignment.used + alignment.repeated.len(), cohort.snps.len());
    let _ = (alignment.describe(), alignment.require(0.5));
}

/// Whether two lines of a `.bim` have one position and one pair of alleles, in either order; allele
/// `0` is any.
fn same(a: &Snp, b: &Snp) -> bool {
    let chromosome = |s: &Snp| ChromosomeSet::default().label(&s.chromosome);
    let fits = |a: &str, b: &str| a == "0" || b == "0" || a.eq_ignore_ascii_case(b);
    let alleles = |b1: &str, b2: &str| fits(&a.a1, b1) && fits(&a.a2, b2);
    a.position == b.position
        && chromosome(a) == chromosome(b)
        && (alleles(&b.a1, &b.a2) || alleles(&b.a2, &b.a1))
}

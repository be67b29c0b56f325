//! Tables, lists and matrices: refused in words, or read as a naive reader reads them.

#[path = "table/lists.rs"]
mod lists;
#[path = "table/matrices.rs"]
mod matrices;

use epitile::covariates::{CovariateOptions, Design};
use epitile::error::Result;
use epitile::io::fam::Sample;
use epitile::io::table::{Layout, Table};
use epitile::phenotypes::{PhenotypeOptions, Phenotypes};

use crate::refused::refused;
use crate::scratch::Folder;
use crate::source::{END, Source};
use lists::{folds, samples, snps};
use matrices::{grm, matrix};

/// What an input is read as.
const KINDS: [fn(&mut Source<'_>, &Folder, &[Sample]); 8] = [
    phenotypes, covariates, folds, samples, snps, plain, matrix, grm,
];

/// Inputs to start from.
pub fn seeds() -> Vec<Vec<u8>> {
    let with = |kind: u8, flags: u8, names: &str, file: &[u8]| {
        let mut input = vec![kind, flags];
        input.extend_from_slice(names.as_bytes());
        input.push(END);
        input.extend_from_slice(file);
        input
    };
    let pheno =
        b"FID IID y bin Y-1\nf a 1 0 2\nf b -9 1 1\nf c NA 0 1\n0 d 2.5e3 1 .\ng e nan 0 2\n";
    let covar = b"#FID\tIID\tage\tsex\tPC1\tPC2\nf\ta\t31\tM\t0.1\t1\nf\tb\t44\tF\t-0.3\t2\n\
        f\tc\t29\tM\t0.7\t3\n0\td\t61\tF\t0.2\t4\ng\te\t50\tM\t-9\t5\ng\th\t35\tF\t0.9\t6\n";
    let iid = b"#IID y\r\na 1\r\nb 2\r\nd 7\r\n\r\n";
    let shape = b"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }\n";
    let mut array = b"\x93NUMPY\x01\x00".to_vec();
    array.extend((shape.len() as u16).to_le_bytes());
    array.extend_from_slice(shape);
    array.extend(
        [1.0, -2.0, 0.5, 1e9]
            .iter()
            .flat_map(|v: &f64| v.to_le_bytes()),
    );
    let triangle: Vec<u8> = [1.0, 0.25, 1.0]
        .iter()
        .flat_map(|v: &f32| v.to_le_bytes())
        .collect();
    vec![
        with(0, 0, "", pheno),
        with(0, 1, "y,bin-Y-1", pheno),
        with(0, 3, "bin", b"#IID bin\na 1\nb 2\nc 0\nd 1\n"),
        with(0, 0, "", iid),
        with(0, 4, "", iid),
        with(1, 0, "sex", covar),
        with(1, 1, "PC1-PC2", covar),
        with(1, 2, "sex,age", covar),
        with(2, 0, "", b"f a 1\nf b 10\nf c 2\ng e NA\n"),
        with(2, 0, "", b"IID fold\na x\nb y\nd x\n"),
        with(3, 0, "", b"f a\nf b extra\nq q\nq q\n"),
        with(4, 0, "", b"s1\ns2\ns1\n"),
        with(4, 2, "", b"SNP WEIGHT\ns1 1\ns2 0.5\n. 3e1\nz 2\n"),
        with(5, 0, "", covar),
        with(5, 1, "", b"f a 1 2\nf b 3 4\n"),
        with(6, 0, "", &array),
        with(7, 0, "f a\nf b\n", &triangle),
    ]
}

/// A byte for the kind, a byte of flags, a section of names (for a GRM its IDs), and the file.
///
/// # Panics
/// If a promise is broken.
pub fn check(bytes: &[u8]) {
    let mut source = Source::new(bytes);
    let kind = source.pick(&KINDS);
    let mut samples: Vec<Sample> = ["f a", "f b", "f c", "0 d", "g e", "g h"]
        .iter()
        .filter_map(|name| name.split_once(' '))
        .map(|(fid, iid)| Sample::new(fid, iid))
        .collect();
    // Two of one individual ID, which a file without family IDs cannot tell apart.
    if source.rest().first().is_some_and(|flags| flags & 4 != 0) {
        samples.push(Sample::new("g", "a"));
    }
    kind(&mut source, &Folder::new(), &samples);
}

/// The next flags, the names and the file.
fn parts<'a>(source: &mut Source<'a>) -> (u8, Option<String>, &'a [u8]) {
    let flags = source.byte();
    let names = String::from_utf8_lossy(source.section()).into_owned();
    (flags, (flags & 1 != 0).then_some(names), source.rest())
}

/// Takes what was read, or checks the refusal.
fn taken<T>(read: Result<T>) -> Option<T> {
    read.inspect_err(refused).ok()
}

/// Lines that are not blank, each in cells.
fn naive(file: &[u8]) -> Vec<Vec<&str>> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let lines = file.split(|&b| b == b'\n').map(|line| {
        let cells = line
            .split(u8::is_ascii_whitespace)
            .filter(|c| !c.is_empty());
        cells
            .map(|c| std::str::from_utf8(c).expect("text that was read"))
            .collect()
    });
    lines
        .filter(|cells: &Vec<&str>| !cells.is_empty())
        .collect()
}

/// The cell of an individual in the column `name` of a table with a header.
fn cell<'a>(file: &'a [u8], sample: &Sample, name: &str) -> Option<&'a str> {
    let lines = naive(file);
    let ids = if lines[0][0]
        .trim_start_matches('#')
        .eq_ignore_ascii_case("iid")
    {
        1
    } else {
        2
    };
    let column = lines[0][ids..].iter().position(|&c| c == name)? + ids;
    let line = lines[1..].iter().find(|line| match ids {
        1 => line[0] == sample.iid,
        _ => (line[0], line[1]) == sample.key(),
    });
    line.map(|line| line[column])
}

/// The number of a cell, `None` for the ways to write that there is none.
fn number(cell: Option<&str>) -> Option<f64> {
    let cell = cell?;
    match cell.to_ascii_lowercase().as_str() {
        "." | "na" | "nan" => None,
        _ => Some(cell.parse::<f64>().expect("a number that was read")).filter(|&x| x != -9.0),
    }
}

fn phenotypes(source: &mut Source<'_>, folder: &Folder, samples: &[Sample]) {
    let (flags, names, file) = parts(source);
    let options = PhenotypeOptions {
        file: folder.put("t", file),
        names,
        binary_12: flags & 2 != 0,
        ..PhenotypeOptions::default()
    };
    let Some(read) = taken(Phenotypes::read(&options, samples)) else {
        return;
    };
    assert!(!read.traits.is_empty());
    for of in &read.traits {
        assert_eq!(of.values.len(), samples.len());
        let mut distinct: Vec<f64> = of.values.iter().copied().filter(|y| !y.is_nan()).collect();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        assert!(distinct.len() > 1, "{} does not vary", of.name);
        assert_eq!(of.binary, distinct.iter().all(|y| [0.0, 1.0].contains(y)));
        for (sample, &y) in samples.iter().zip(&of.values) {
            let written = number(cell(file, sample, &of.name));
            let expected = match options.binary_12 {
                true => written.filter(|&y| y != 0.0).map(|y| y - 1.0),
                false => written,
            };
            let got = (!y.is_nan()).then_some(y);
            assert_eq!(got, expected, "{} of {}", of.name, sample.id());
            assert!(!y.is_infinite());
        }
        assert_eq!(
            of.observed().len(),
            of.values.iter().filter(|y| !y.is_nan()).count()
        );
    }
    assert_eq!(
        read.overlap.common + read.overlap.cohort_only.len(),
        samples.len()
    );
}

fn covariates(source: &mut Source<'_>, folder: &Folder, samples: &[Sample]) {
    let (flags, names, file) = parts(source);
    let path = folder.put("t", file);
    let options = CovariateOptions {
        file: path.clone(),
        categorical: names.clone().filter(|_| flags & 2 != 0),
        names: names.filter(|_| flags & 2 == 0),
    };
    let Some(design) = taken(Design::read(&options, samples)) else {
        return;
    };
    assert_eq!(design.samples(), samples.len());
    assert_eq!(design.x.len(), samples.len() * design.columns.len());
    let complete: Vec<usize> = (0..samples.len()).filter(|&i| design.complete[i]).collect();
    assert!(complete.len() > design.columns.len() + 1);
    for c in 0..design.columns.len() {
        let column = design.column(c);
        for (i, x) in column.iter().enumerate() {
            assert_eq!(x.is_finite(), design.complete[i], "{:?}", design.columns[c]);
        }
        let first = column[complete[0]];
        assert!(
            complete.iter().any(|&i| column[i] != first),
            "a column that varies"
        );
    }
    // The recipe gives the same individuals the same values.
    let again = Design::apply(&design.recipe(), &path, samples);
    match again {
        Ok(again) => {
            assert_eq!(again.columns, design.columns);
            for &i in &complete {
                assert!(again.complete[i]);
                for c in 0..design.columns.len() {
                    assert_eq!(again.column(c)[i].to_bits(), design.column(c)[i].to_bits());
                }
            }
        }
        // Individuals that lacked another covariate may have a level nobody else has.
        Err(error) => {
            refused(&error);
            assert!(!design.categories.is_empty(), "{error}");
        }
    }
}

/// The table itself, with and without a header.
fn plain(source: &mut Source<'_>, folder: &Folder, samples: &[Sample]) {
    let (flags, _, file) = parts(source);
    let layout = match flags & 1 {
        0 => Layout::Header,
        _ => Layout::Columns(&["one", "two"]),
    };
    let Some(table) = taken(Table::read(folder.put("t", file), layout)) else {
        return;
    };
    let lines = naive(file);
    let headers = lines.len() - table.rows.len();
    assert!(headers <= 1, "lines of the table");
    let ids = if table.by_iid { 1 } else { 2 };
    for (row, line) in table.rows.iter().zip(&lines[headers..]) {
        assert_eq!(row.iid, line[ids - 1]);
        assert_eq!(row.cells(), line[ids..]);
        assert_eq!(line.len(), ids + table.columns.len());
    }
    if let Some((rows, overlap)) = taken(table.align_any(samples)) {
        assert_eq!(rows.iter().flatten().count(), overlap.common);
        assert_eq!(overlap.common + overlap.file_only.len(), table.rows.len());
    }
}

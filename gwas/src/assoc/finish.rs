//! The tables of a run, from those of its chromosomes: whole, in the format asked for, with lead
//! SNPs.

use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::str::FromStr;

use super::clump::{Clump, Locus, Point, clump};
use super::partial::{Part, Partial};
use super::scan::Group;
use super::ssf;
use crate::cohort::Choice;
use crate::error::{Error, Result};
use crate::io::bgzip::Packed;
use crate::io::chromosome::{Chromosome, ChromosomeSet};
use crate::io::fileset::with_suffix;
use crate::io::output::{AtomicFile, OutputSet};

/// A form of tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// REGENIE's columns: `regenie`.
    #[default]
    Regenie,
    /// GWAS-SSF: `ssf`.
    Ssf,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Regenie => "regenie",
            Format::Ssf => "ssf",
        })
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "regenie" => Ok(Format::Regenie),
            "ssf" => Ok(Format::Ssf),
            _ => Err(format!(
                "'{text}' is no format; formats are regenie and ssf"
            )),
        }
    }
}

/// How tables are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Writing {
    /// Their form.
    pub format: Format,
    /// Whether they are packed, with an index.
    pub bgzip: bool,
}

/// A table being written, packed or not.
enum Sink {
    Plain(AtomicFile),
    Packed(Box<Packed>),
}

impl Sink {
    fn create(path: &Path, packed: bool) -> Result<Sink> {
        Ok(match packed {
            false => Sink::Plain(AtomicFile::create(path)?),
            true => Sink::Packed(Box::new(Packed::create(&with_suffix(path, ".gz"))?)),
        })
    }

    fn line(&mut self, text: &str, at: Option<(&str, i64)>) -> Result<()> {
        match self {
            Sink::Plain(file) => file.put(text),
            Sink::Packed(file) => file.line(text, at),
        }
    }

    /// The table and, if it is packed, its index.
    fn finish(self) -> Result<(AtomicFile, Option<AtomicFile>)> {
        Ok(match self {
            Sink::Plain(file) => (file, None),
            Sink::Packed(file) => {
                let (table, index) = file.finish()?;
                (table, Some(index))
            }
        })
    }
}

/// Where the columns of our own tables are.
struct Columns {
    chromosome: usize,
    position: usize,
    log10p: usize,
    /// As [`ssf::Row`].
    snp: [usize; 5],
    numbers: [usize; 5],
    count: usize,
}

impl Columns {
    fn of(header: &str, path: &Path) -> Result<Columns> {
        let names: Vec<&str> = header.split('\t').collect();
        let find = |name: &str| {
            let place = names.iter().position(|n| *n == name);
            place.ok_or_else(|| {
                let found = format!("the columns {}", names.join(" "));
                Error::malformed(path, 1, found, name, "Run the command again")
            })
        };
        let all = |names: [&str; 5]| -> Result<[usize; 5]> {
            let mut places = [0; 5];
            for (place, name) in places.iter_mut().zip(names) {
                *place = find(name)?;
            }
            Ok(places)
        };
        Ok(Columns {
            chromosome: find("CHROM")?,
            position: find("GENPOS")?,
            log10p: find("LOG10P")?,
            snp: all(["CHROM", "GENPOS", "ID", "ALLELE0", "ALLELE1"])?,
            numbers: all(["A1FREQ", "N", "BETA", "SE", "LOG10P"])?,
            count: names.len(),
        })
    }
}

/// The lines of a chromosome's table: the header, then each to `each` with its number from 0.
fn visit(
    path: &Path,
    mut each: impl FnMut(usize, &str, &Columns, &[&str]) -> Result<()>,
) -> Result<String> {
    let file = File::open(path).map_err(|e| Error::open(path, &e))?;
    let mut lines = BufReader::new(file).lines();
    let mut next = || lines.next().transpose().map_err(|e| Error::read(path, &e));
    let header = next()?.unwrap_or_default();
    let columns = Columns::of(&header, path)?;
    let mut number = 0;
    while let Some(line) = next()? {
        let cells: Vec<&str> = line.split('\t').collect();
        if cells.len() != columns.count {
            let found = format!("{} columns", cells.len());
            let expected = format!("{}", columns.count);
            return Err(Error::malformed(
                path,
                number as u64 + 2,
                found,
                expected,
                "",
            ));
        }
        each(number, &line, &columns, &cells)?;
        number += 1;
    }
    Ok(header)
}

/// What a table says of itself.
pub struct About<'a> {
    /// The trait's name.
    pub of: &'a str,
    /// Covariates.
    pub covariates: &'a [String],
    /// The test, in words.
    pub test: &'a str,
}

/// Adds the table of trait `t`, `PREFIX_TRAIT.…`, to `files`; the number of SNPs that its format
/// has no place for.
///
/// # Errors
/// `Read`, `Write`.
pub fn table(
    (partial, parts, t): (&Partial, &[Part], usize),
    (about, samples): (&About<'_>, usize),
    (writing, set): (Writing, ChromosomeSet),
    prefix: &Path,
    files: &mut OutputSet,
) -> Result<usize> {
    let ending = match writing.format {
        Format::Regenie => ".regenie",
        Format::Ssf => ".ssf.tsv",
    };
    let path = with_suffix(prefix, &format!("_{}{ending}", about.of));
    let mut sink = Sink::create(&path, writing.bgzip)?;
    let mut left_out = 0;
    let mut last = None;
    let mut sorted = true;
    for (k, part) in parts.iter().enumerate() {
        let own = partial.table(part, t);
        if k == 0 {
            let header = match writing.format {
                Format::Regenie => header(&own)?,
                Format::Ssf => ssf::HEADER.join("\t"),
            };
            sink.line(&(header + "\n"), None)?;
        }
        visit(&own, |_, line, columns, cells| {
            let position = cells[columns.position].parse().unwrap_or(0);
            if writing.format == Format::Regenie {
                let at = (cells[columns.chromosome], position);
                return sink.line(&format!("{line}\n"), Some(at));
            }
            let row = ssf::Row {
                snp: columns.snp.map(|c| cells[c]),
                numbers: columns.numbers.map(|c| cells[c]),
            };
            let Some((line, chromosome)) = ssf::line(&row, set) else {
                left_out += 1;
                return Ok(());
            };
            let place = chromosome.parse::<u32>().ok().map(|c| (c, position));
            sorted &= last <= place;
            last = place;
            sink.line(&line, Some((&chromosome, position)))
        })?;
    }
    let (mut table, index) = sink.finish()?;
    if writing.format == Format::Ssf {
        let md5 = ssf::md5(&mut table)?;
        let name = table.path().file_name().unwrap_or_default();
        let text = ssf::About {
            file: &name.to_string_lossy(),
            md5: &md5,
            of: about.of,
            samples,
            covariates: about.covariates,
            sorted,
            test: about.test,
        };
        let mut yaml = AtomicFile::create(with_suffix(table.path(), "-meta.yaml"))?;
        yaml.put(text.yaml())?;
        files.add(yaml)?;
    }
    files.add(table)?;
    if let Some(index) = index {
        files.add(index)?;
    }
    Ok(left_out)
}

/// The first line of a chromosome's table.
fn header(path: &Path) -> Result<String> {
    let file = File::open(path).map_err(|e| Error::open(path, &e))?;
    let line = BufReader::new(file).lines().next().transpose();
    Ok(line.map_err(|e| Error::read(path, &e))?.unwrap_or_default())
}

/// Columns of a table of loci beside those of the SNPs' table: first and last position of the SNPs
/// that the lead stands for, itself among them; how many others, how many of these are at or
/// beyond the threshold, and their IDs.
const MORE: [&str; 5] = ["START", "END", "OTHERS", "SIGNIFICANT", "MEMBERS"];

/// Adds `PREFIX_TRAIT.loci.tsv`, the lead SNPs in the order of the `.bim`, to `files`; how many
/// there are. `limit` is −log₁₀ p, infinite for no loci.
///
/// # Errors
/// `Read`, `Write`.
pub fn loci(
    (partial, parts, t): (&Partial, &[Part], usize),
    (tested, group, name): (&mut Choice, &Group, &str),
    (limit, rule): (f64, &Clump),
    prefix: &Path,
    files: &mut OutputSet,
) -> Result<usize> {
    let path = with_suffix(prefix, &format!("_{name}.loci.tsv"));
    let mut out = AtomicFile::create(path)?;
    let mut count = 0;
    for (k, part) in parts.iter().enumerate() {
        let own = partial.table(part, t);
        let mut points = Vec::with_capacity(part.snps.len());
        let header = visit(&own, |k, _, columns, cells| {
            points.push(Point {
                place: part.snps[k],
                position: tested.files.snps[part.snps[k] as usize].position,
                log10p: cells[columns.log10p].parse().unwrap_or(f64::NAN),
            });
            Ok(())
        })?;
        if k == 0 {
            out.put(format!("{header}\t{}\n", MORE.join("\t")))?;
        }
        let known = tested.chromosomes.recognise(&part.chromosome);
        let placed = known != Some(Chromosome::Unplaced);
        let mut loci = clump(
            &mut tested.bed,
            &group.places,
            (&points, placed),
            (limit, rule),
        )?;
        loci.sort_by_key(|l| l.lead);
        count += loci.len();
        let mut next = loci.iter().peekable();
        visit(&own, |k, line, _, _| match next.next_if(|l| l.lead == k) {
            None => Ok(()),
            Some(locus) => {
                let more = more(locus, &points, limit, |k| {
                    &tested.files.snps[part.snps[k] as usize].id
                });
                out.put(format!("{line}\t{more}\n"))
            }
        })?;
    }
    files.add(out)?;
    Ok(count)
}

/// Cells of [`MORE`].
fn more<'a>(
    locus: &Locus,
    points: &[Point],
    limit: f64,
    id: impl Fn(usize) -> &'a String,
) -> String {
    let all = || locus.others.iter().chain([&locus.lead]);
    let positions = || all().map(|&k| points[k].position);
    let (start, end) = (positions().min(), positions().max());
    let members: Vec<&str> = (locus.others.iter())
        .filter(|&&k| points[k].log10p >= limit)
        .map(|&k| id(k).as_str())
        .collect();
    let names = match members.is_empty() {
        true => "NA".to_owned(),
        false => members.join(","),
    };
    format!(
        "{}\t{}\t{}\t{}\t{names}",
        start.unwrap_or(0),
        end.unwrap_or(0),
        locus.others.len(),
        members.len()
    )
}

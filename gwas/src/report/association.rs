//! Association tables, of this program or of REGENIE, and as GWAS-SSF.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::quantiles::lambda_gc;
use super::sheet::{Row, Sheet};
use crate::error::Result;
use crate::io::chromosome::{Chromosome, ChromosomeSet};

/// A tested SNP.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Place in [`Association::chromosomes`].
    pub chromosome: u32,
    /// Position in base pairs.
    pub position: u64,
    /// −log10 p.
    pub log10p: f64,
    /// Line of the table.
    line: u64,
}

/// A SNP that stands for its neighbourhood.
#[derive(Clone, Debug, PartialEq)]
pub struct Lead {
    /// The SNP.
    pub point: Point,
    /// ID, other allele, effect allele, its frequency, N, effect, standard error: as in the table,
    /// `NA` where it has no such column.
    pub cells: [String; 7],
}

/// All of one table.
#[derive(Clone, Debug)]
pub struct Association {
    /// The trait.
    pub name: String,
    /// The file.
    pub path: PathBuf,
    /// Names of the chromosomes in their order.
    pub chromosomes: Vec<String>,
    /// SNPs that were tested, in the order of the table.
    pub points: Vec<Point>,
    /// SNPs that could not be tested, by reason.
    pub untested: BTreeMap<String, usize>,
    /// The test whose lines are taken.
    pub test: String,
    /// Lines of other tests.
    pub others: usize,
    /// Least and greatest N.
    pub samples: Option<(u64, u64)>,
    /// λ_GC.
    pub lambda: Option<f64>,
}

/// Where the columns are.
struct Columns {
    chromosome: usize,
    position: usize,
    log10p: usize,
    test: Option<usize>,
    extra: Option<usize>,
    samples: Option<usize>,
    /// As [`Lead::cells`].
    cells: [Option<usize>; 7],
}

impl Columns {
    fn of(sheet: &Sheet) -> Result<Columns> {
        Ok(Columns {
            chromosome: sheet.need(&["CHROM", "chromosome"])?,
            position: sheet.need(&["GENPOS", "base_pair_location"])?,
            log10p: sheet.need(&["LOG10P", "neg_log_10_p_value"])?,
            test: sheet.find(&["TEST"]),
            extra: sheet.find(&["EXTRA"]),
            samples: sheet.find(&["N", "n"]),
            cells: [
                sheet.find(&["ID", "rsid", "variant_id"]),
                sheet.find(&["ALLELE0", "other_allele"]),
                sheet.find(&["ALLELE1", "effect_allele"]),
                sheet.find(&["A1FREQ", "effect_allele_frequency"]),
                sheet.find(&["N", "n"]),
                sheet.find(&["BETA", "beta"]),
                sheet.find(&["SE", "standard_error"]),
            ],
        })
    }

    fn log10p(&self, row: &Row<'_>) -> Result<Option<f64>> {
        match row.number(self.log10p)? {
            Some(x) if x < 0.0 => Err(row.wrong(self.log10p, "−log₁₀ p: 0 or more, or NA")),
            // Not −0.
            other => Ok(other.map(|x| x + 0.0)),
        }
    }
}

/// Why a SNP has no p-value: the first word in capitals among what `EXTRA` lists, such as
/// `TESTFORM=MONOMORPHIC`.
fn reason(extra: &str) -> String {
    let value = |item: &'_ str| item.rsplit('=').next().unwrap_or_default().to_owned();
    let code = |t: &String| {
        let letter = |b: u8| b.is_ascii_uppercase() || b == b'_';
        t.len() > 2 && t.bytes().all(letter)
    };
    let found = extra.split(';').map(value).find(code);
    found.unwrap_or_else(|| "no reason given".into())
}

impl Association {
    /// Reads the table `path`.
    ///
    /// # Errors
    /// `Open`, `Read`, `Malformed`.
    pub fn read(name: &str, path: &Path, set: ChromosomeSet) -> Result<Association> {
        let mut sheet = Sheet::open(path)?;
        let columns = Columns::of(&sheet)?;
        let mut all = Association {
            name: name.to_owned(),
            path: path.to_owned(),
            chromosomes: Vec::new(),
            points: Vec::new(),
            untested: BTreeMap::new(),
            test: String::new(),
            others: 0,
            samples: None,
            lambda: None,
        };
        let mut last = (String::new(), 0);
        let mut first = true;
        while let Some(row) = sheet.next_row()? {
            let test = columns.test.map_or("", |k| row.text(k));
            if std::mem::take(&mut first) {
                all.test = test.to_owned();
            }
            if test != all.test {
                all.others += 1;
                continue;
            }
            let chromosome = row.text(columns.chromosome);
            if last.0 != chromosome || all.chromosomes.is_empty() {
                last = (chromosome.to_owned(), all.place(&set.label(chromosome)));
            }
            let Some(log10p) = columns.log10p(&row)? else {
                let why = columns
                    .extra
                    .map_or_else(String::new, |k| row.text(k).to_owned());
                *all.untested.entry(reason(&why)).or_default() += 1;
                continue;
            };
            if let Some(n) = columns
                .samples
                .map(|k| row.number(k))
                .transpose()?
                .flatten()
            {
                let n = n as u64;
                let (least, most) = all.samples.unwrap_or((n, n));
                all.samples = Some((least.min(n), most.max(n)));
            }
            all.points.push(Point {
                chromosome: last.1 as u32,
                position: row.whole(columns.position)?,
                log10p,
                line: row.line,
            });
        }
        all.arrange(set);
        let mut log10p: Vec<f64> = all.points.iter().map(|p| p.log10p).collect();
        all.lambda = lambda_gc(&mut log10p);
        Ok(all)
    }

    fn place(&mut self, label: &str) -> usize {
        let known = self.chromosomes.iter().position(|c| c == label);
        known.unwrap_or_else(|| {
            self.chromosomes.push(label.to_owned());
            self.chromosomes.len() - 1
        })
    }

    /// Autosomes by number, X, Y, XY, MT, other names as they came, unplaced SNPs last.
    fn arrange(&mut self, set: ChromosomeSet) {
        let mut order: Vec<usize> = (0..self.chromosomes.len()).collect();
        order.sort_by_key(|&k| match set.recognise(&self.chromosomes[k]) {
            Some(Chromosome::Unplaced) => (2, None),
            None => (1, None),
            known => (0, known),
        });
        let mut to = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            to[old] = new as u32;
        }
        for point in &mut self.points {
            point.chromosome = to[point.chromosome as usize];
        }
        let names = order.iter().map(|&old| self.chromosomes[old].clone());
        self.chromosomes = names.collect();
    }

    /// Name of the chromosome of a SNP.
    pub fn chromosome(&self, point: &Point) -> &str {
        &self.chromosomes[point.chromosome as usize]
    }

    /// Up to `most` SNPs in order of p: each the best of those that are not within `window` base
    /// pairs of one before. Ties go to the SNP that stands first in the table.
    ///
    /// # Errors
    /// `Open`, `Read`, `Malformed`.
    pub fn leads(&self, most: usize, window: u64) -> Result<Vec<Lead>> {
        let mut order: Vec<&Point> = self.points.iter().collect();
        order.sort_by(|a, b| b.log10p.total_cmp(&a.log10p).then(a.line.cmp(&b.line)));
        let mut chosen: Vec<Point> = Vec::new();
        for point in order {
            let near = |lead: &Point| {
                lead.chromosome == point.chromosome
                    && lead.position.abs_diff(point.position) <= window
            };
            if chosen.len() == most {
                break;
            }
            if !chosen.iter().any(near) {
                chosen.push(*point);
            }
        }
        // A second pass over the table, for the lines of these few.
        let mut sheet = Sheet::open(&self.path)?;
        let columns = Columns::of(&sheet)?;
        let mut cells: BTreeMap<u64, [String; 7]> = BTreeMap::new();
        let mut left: Vec<u64> = chosen.iter().map(|p| p.line).collect();
        left.sort_unstable_by(|a, b| b.cmp(a));
        while let Some(&next) = left.last() {
            let Some(row) = sheet.next_row()? else { break };
            if row.line == next {
                let text = |k: Option<usize>| k.map_or("NA", |k| row.text(k)).to_owned();
                cells.insert(next, columns.cells.map(text));
                left.pop();
            }
        }
        let lead = |point: Point| Lead {
            point,
            cells: cells.remove(&point.line).unwrap_or_default(),
        };
        Ok(chosen.into_iter().map(lead).collect())
    }
}

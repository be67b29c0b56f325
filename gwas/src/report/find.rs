//! Which files there are, and what is in them: told by name for records, by header for tables.

use std::path::{Path, PathBuf};

use super::sheet::header;
use super::{global, interactions};
use crate::error::{Error, Result};
use crate::io::text::first_few;

/// What a report is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Association tables with the names of their traits.
    pub association: Vec<(String, PathBuf)>,
    /// Tables of lead SNPs with the names of their traits.
    pub loci: Vec<(String, PathBuf)>,
    /// Tables of SNP pairs with the names of their traits.
    pub interactions: Vec<(String, PathBuf)>,
    /// Tables of global tests for epistasis with the names of their traits.
    pub global: Vec<(String, PathBuf)>,
    /// Settings of cross-validations.
    pub settings: Vec<PathBuf>,
    /// Predictions of cross-validations.
    pub held_out: Vec<PathBuf>,
    /// Predictions of new individuals.
    pub predicted: Vec<PathBuf>,
    /// Variance components.
    pub variance: Vec<PathBuf>,
    /// Run records.
    pub records: Vec<PathBuf>,
    /// Files named on the command line of which nothing is used.
    pub unused: Vec<PathBuf>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Association,
    Loci,
    Interactions,
    Global,
    Settings,
    HeldOut,
    Predicted,
    Variance,
    Record,
}

impl Found {
    /// Looks through `arguments`: files, folders, and prefixes of outputs (`O/a` for
    /// `O/a.run.json`, `O/a_height.regenie`, …).
    ///
    /// # Errors
    /// `Open` for an argument that is none of these; `Inconsistent` if nothing can be used.
    pub fn search(arguments: &[PathBuf]) -> Result<Found> {
        let mut found = Found::default();
        let mut seen: Vec<PathBuf> = Vec::new();
        for argument in arguments {
            for path in expand(argument)? {
                if seen.contains(&path) {
                    continue;
                }
                match recognise(&path)? {
                    Some(kind) => found.add(kind, &path, argument),
                    None if path == *argument => found.unused.push(path.clone()),
                    None => {}
                }
                seen.push(path);
            }
        }
        match found.is_empty() {
            false => Ok(found),
            true => Err(Error::inconsistent(format!(
                "nothing to report: none of the {} files of {} is an association table \
                 (.regenie), a table of cv, varcomp or epistasis, predictions (.sscore) or a run record \
                 (.run.json). Give prefixes (--out) of earlier commands",
                seen.len(),
                first_few(&names(arguments)),
            ))),
        }
    }

    fn is_empty(&self) -> bool {
        *self
            == Found {
                unused: self.unused.clone(),
                ..Found::default()
            }
    }

    fn add(&mut self, kind: Kind, path: &Path, argument: &Path) {
        let by_trait = match kind {
            Kind::Association => Some(&mut self.association),
            Kind::Loci => Some(&mut self.loci),
            Kind::Interactions => Some(&mut self.interactions),
            Kind::Global => Some(&mut self.global),
            _ => None,
        };
        if let Some(list) = by_trait {
            return list.push((trait_name(path, argument), path.into()));
        }
        let list = match kind {
            Kind::Settings => &mut self.settings,
            Kind::HeldOut => &mut self.held_out,
            Kind::Predicted => &mut self.predicted,
            Kind::Variance => &mut self.variance,
            _ => &mut self.records,
        };
        list.push(path.to_owned());
    }
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|p| p.display().to_string()).collect()
}

/// The files that an argument stands for, in the order of their names.
fn expand(argument: &Path) -> Result<Vec<PathBuf>> {
    if argument.is_file() {
        return Ok(vec![argument.to_owned()]);
    }
    let absent = || Error::open(argument, &std::io::ErrorKind::NotFound.into());
    let (folder, prefix) = match argument.is_dir() {
        true => (argument, None),
        false => (
            match argument.parent() {
                Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
                Some(parent) => parent,
                None => return Err(absent()),
            },
            Some(argument.file_name().unwrap_or_default().to_string_lossy()),
        ),
    };
    let entries = std::fs::read_dir(folder).map_err(|e| Error::open(argument, &e))?;
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| Error::read(folder, &e))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let fits = prefix.as_ref().is_none_or(|prefix| {
            let rest = name.strip_prefix(&**prefix);
            // A trait's tables have its name after the prefix; other tables do not, and
            // `cv_small.cv.tsv` belongs to another run than `cv`.
            rest.is_some_and(|r| r.starts_with('.') || (r.starts_with('_') && by_trait(r)))
        });
        if fits && entry.path().is_file() {
            files.push(match folder == Path::new(".") && !argument.is_dir() {
                true => PathBuf::from(name),
                false => entry.path(),
            });
        }
    }
    if files.is_empty() && prefix.is_some() {
        return Err(absent().and("Expected a file, a folder or the prefix (--out) of a run"));
    }
    files.sort();
    Ok(files)
}

/// Ends of the names of tables of one trait.
const BY_TRAIT: [&str; 11] = [
    ".loci.tsv",
    ".marginal.tsv",
    ".global.tsv",
    ".pairs.tsv",
    ".regenie.gz",
    ".regenie",
    ".ssf.tsv.gz",
    ".ssf.tsv",
    ".varcomp.tsv",
    ".tsv.gz",
    ".tsv",
];

/// Whether `_REST` of a name that begins with a prefix may be a trait's table.
fn by_trait(rest: &str) -> bool {
    let end = BY_TRAIT.iter().find(|end| rest.ends_with(**end));
    // `_small.cv.tsv` has more than a trait before `.tsv`.
    end.is_some_and(|end| !end.starts_with(".tsv") || !rest[..rest.len() - end.len()].contains('.'))
}

/// What is in the file, if this program wrote it or could have.
fn recognise(path: &Path) -> Result<Option<Kind>> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.ends_with(".run.json") {
        return Ok(Some(Kind::Record));
    }
    // Large files that are none of these need not be opened.
    if [".bed", ".epitile", ".html", ".svg", ".log", ".json"]
        .iter()
        .any(|end| name.ends_with(end))
    {
        return Ok(None);
    }
    let Some(header) = header(path)? else {
        return Ok(None);
    };
    let has = |names: &[&str]| names.iter().all(|n| header.iter().any(|h| h == n));
    let kinds: [(Kind, &[&str]); 9] = [
        (Kind::Interactions, &interactions::COLUMNS),
        (Kind::Global, &global::COLUMNS),
        (Kind::Association, &["CHROM", "GENPOS", "ID", "LOG10P"]),
        (
            Kind::Association,
            &["chromosome", "base_pair_location", "neg_log_10_p_value"],
        ),
        (
            Kind::Settings,
            &["PHENO", "KERNEL", "LAMBDA", "BEST", "MSPE"],
        ),
        (Kind::HeldOut, &["PHENO", "KERNEL", "OBSERVED", "PREDICTED"]),
        (Kind::Variance, &["SOURCE", "VARIANCE", "SE", "PROPORTION"]),
        (Kind::Predicted, &["FID", "IID"]),
        (Kind::Loci, &[]),
    ];
    let predicted = header.iter().any(|h| h.ends_with("_PRED"));
    let kind = kinds.into_iter().find(|(kind, names)| match kind {
        Kind::Predicted => has(names) && predicted,
        Kind::Loci => name.ends_with(".loci.tsv"),
        _ => has(names),
    });
    Ok(match kind {
        // Lead SNPs have the columns of an association table and more.
        Some((Kind::Association, _)) if name.ends_with(".loci.tsv") => Some(Kind::Loci),
        other => other.map(|(kind, _)| kind),
    })
}

/// The trait of `PREFIX_TRAIT.regenie`. The prefix is the argument or, where that names the file
/// or its folder, that of a run record beside it; without either the whole name is taken.
fn trait_name(path: &Path, argument: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let end = BY_TRAIT.iter().find(|end| name.ends_with(**end));
    let stem = &name[..name.len() - end.map_or(0, |end| end.len())];
    let given = argument.file_name().unwrap_or_default().to_string_lossy();
    let mut prefixes = vec![given.into_owned()];
    if let Some(entries) = path.parent().and_then(|p| {
        let p = if p.as_os_str().is_empty() {
            Path::new(".")
        } else {
            p
        };
        std::fs::read_dir(p).ok()
    }) {
        let names = entries
            .flatten()
            .map(|e| e.file_name().to_string_lossy().into_owned());
        prefixes.extend(names.filter_map(|n| n.strip_suffix(".run.json").map(str::to_owned)));
    }
    let rest = |prefix: &String| stem.strip_prefix(&**prefix)?.strip_prefix('_');
    let shortest = prefixes.iter().filter_map(rest).min_by_key(|r| r.len());
    match shortest {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => stem.to_owned(),
    }
}

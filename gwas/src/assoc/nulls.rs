//! Null models in a file, which jobs share: a run that takes them gives the bytes of the run that
//! made them.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::binary::MOST;
use super::fast::Gamma;
use super::identity::{Checksum, Inputs};
use super::nullfit::{Fit, LogisticFit, NullFit};
use crate::error::{Error, Place, Result};
use crate::io::fileset::with_suffix;
use crate::io::output::AtomicFile;
use crate::io::text::{first_few, open};

/// First entry of the file.
const FORMAT: &str = "epitile null models 1";

/// Ending of its name.
const ENDING: &str = ".null.json";

/// A null model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Name of the trait.
    #[serde(rename = "trait")]
    pub of: String,
    /// Chromosomes of the kernel, in words.
    pub kernel: String,
    /// What it was fitted to.
    pub inputs: Inputs,
    /// Its numbers.
    pub fit: Fit,
}

/// γ of the fast test on a chromosome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChromosomeGamma {
    /// Name of the trait.
    #[serde(rename = "trait")]
    pub of: String,
    /// The chromosome tested.
    pub chromosome: String,
    /// Seed of the choice of SNPs.
    pub seed: u64,
    /// What its null model was fitted to.
    pub inputs: Inputs,
    /// γ.
    pub gamma: Gamma,
}

/// Null models, each once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// By trait and chromosomes of the kernel.
    pub models: Vec<Model>,
    /// By trait and chromosome.
    pub gammas: Vec<ChromosomeGamma>,
}

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    checksum: String,
    content: Models,
}

impl Models {
    /// Adds what is new in `other`.
    pub fn add(&mut self, other: &Models) {
        for model in &other.models {
            if !self.models.contains(model) {
                self.models.push(model.clone());
            }
        }
        for gamma in &other.gammas {
            if !self.gammas.contains(gamma) {
                self.gammas.push(gamma.clone());
            }
        }
    }

    fn checksum(&self) -> Result<String> {
        let text = serde_json::to_string(self)
            .map_err(|_| Error::inconsistent("null models cannot be written as JSON"))?;
        Ok(Checksum::default().text(&text).finish())
    }

    /// `PREFIX.null.json`, not yet under its name.
    ///
    /// # Errors
    /// `Write`.
    pub fn write(&self, prefix: &Path) -> Result<AtomicFile> {
        let file = File {
            format: FORMAT.into(),
            checksum: self.checksum()?,
            content: self.clone(),
        };
        let text = serde_json::to_string_pretty(&file)
            .map_err(|_| Error::inconsistent("null models cannot be written as JSON"))?;
        let mut out = AtomicFile::create(with_suffix(prefix, ENDING))?;
        out.put(text + "\n")?;
        Ok(out)
    }
}

/// Null models that were given.
#[derive(Debug)]
pub struct Given {
    path: PathBuf,
    models: Models,
    checksum: String,
}

impl Given {
    /// Reads `PREFIX.null.json`.
    ///
    /// # Errors
    /// `Open`, `Read`; `Malformed` if it is no such file, or not as it was written.
    pub fn read(prefix: &Path) -> Result<Given> {
        let path = with_suffix(prefix, ENDING);
        let bad = |place: Place, found: &str| {
            let expected = "null models as --null-out writes them";
            Error::malformed(
                &path,
                place,
                found,
                expected,
                "Make it again with --null-out",
            )
        };
        let mut text = String::new();
        let read = std::io::Read::read_to_string(&mut open(&path)?, &mut text);
        read.map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData => bad(Place::File, "bytes that are no text"),
            _ => Error::read(&path, &e),
        })?;
        let file: File = serde_json::from_str(&text)
            .map_err(|e| bad(Place::Line(e.line() as u64), "something else"))?;
        if file.format != FORMAT {
            return Err(bad(Place::File, &format!("the format '{}'", file.format)));
        }
        let checksum = file.content.checksum()?;
        if checksum != file.checksum {
            return Err(bad(Place::File, "numbers that do not fit their checksum"));
        }
        for model in &file.content.models {
            if let Fit::Logistic(LogisticFit::Variance(tau)) = model.fit
                && !(0.0..=MOST).contains(&tau)
            {
                return Err(bad(
                    Place::File,
                    &format!("the variance {tau} of {}", model.of),
                ));
            }
        }
        Ok(Given {
            path,
            models: file.content,
            checksum,
        })
    }

    /// Checksum of the content.
    pub fn checksum(&self) -> &str {
        &self.checksum
    }

    /// The null model of the quantitative trait `of` beside the kernel of the chromosomes `kernel`.
    ///
    /// # Errors
    /// `Inconsistent` if there is none, or it was fitted to something else.
    pub fn mixed(&self, of: &str, kernel: &str, inputs: &Inputs) -> Result<NullFit> {
        match self.model(of, kernel, inputs)? {
            Fit::Mixed(fit) => Ok(fit.clone()),
            Fit::Logistic(_) => Err(self.other(&format!("{of}: found one of a binary trait"))),
        }
    }

    /// That of the binary trait `of`.
    ///
    /// # Errors
    /// As [`mixed`](Self::mixed).
    pub fn logistic(&self, of: &str, kernel: &str, inputs: &Inputs) -> Result<LogisticFit> {
        match self.model(of, kernel, inputs)? {
            Fit::Logistic(fit) => Ok(*fit),
            Fit::Mixed(_) => Err(self.other(&format!("{of}: found one of a quantitative trait"))),
        }
    }

    /// Checks, before any work, that there is such a null model.
    ///
    /// # Errors
    /// As [`mixed`](Self::mixed).
    pub fn check(&self, of: &str, kernel: &str, inputs: &Inputs) -> Result<()> {
        self.model(of, kernel, inputs).map(drop)
    }

    fn model(&self, of: &str, kernel: &str, inputs: &Inputs) -> Result<&Fit> {
        let mut all = self.models.models.iter();
        let Some(found) = all.find(|m| m.of == of && m.kernel == kernel) else {
            let known = self.models.models.iter();
            let known: Vec<String> = known.map(|m| format!("{}, {}", m.of, m.kernel)).collect();
            return Err(self.other(&format!(
                "found models of {}, expected one of {of}, {kernel}",
                first_few(&known)
            )));
        };
        match found.inputs.difference(inputs) {
            None => Ok(&found.fit),
            Some(what) => Err(self.other(&format!("{of}: found {what}"))),
        }
    }

    /// γ of the trait `of` on a chromosome, if it is there.
    ///
    /// # Errors
    /// `Inconsistent` if it was found from something else.
    pub fn gamma(
        &self,
        of: &str,
        chromosome: &str,
        (seed, inputs): (u64, &Inputs),
    ) -> Result<Option<Gamma>> {
        let mut all = self.models.gammas.iter();
        let Some(found) = all.find(|g| g.of == of && g.chromosome == chromosome) else {
            return Ok(None);
        };
        if found.seed != seed {
            return Err(self.other(&format!(
                "{of}: found --seed {}, expected {seed}",
                found.seed
            )));
        }
        match found.inputs.difference(inputs) {
            None => Ok(Some(found.gamma)),
            Some(what) => Err(self.other(&format!("{of}: found {what}"))),
        }
    }

    fn other(&self, what: &str) -> Error {
        Error::inconsistent(format!(
            "{}: its null models are not of this run: {what}; make it again with --null-out, or \
             leave out --null-in",
            self.path.display()
        ))
    }
}

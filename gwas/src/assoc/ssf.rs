//! GWAS-SSF v1.0.2, the format of the GWAS Catalog: a table and a YAML file about it.

use std::io::Read;

use md5::{Digest, Md5};

use crate::error::{Error, Result};
use crate::io::chromosome::{Chromosome, ChromosomeSet};
use crate::io::output::AtomicFile;

/// Columns: the mandatory ones in their order, then ours.
pub const HEADER: [&str; 11] = [
    "chromosome",
    "base_pair_location",
    "effect_allele",
    "other_allele",
    "beta",
    "standard_error",
    "effect_allele_frequency",
    "neg_log_10_p_value",
    "rsid",
    "n",
    "id",
];

/// A chromosome as the format has it: 1 to 22, X 23, Y 24, MT 25.
fn chromosome(name: &str, set: ChromosomeSet) -> Option<u32> {
    match set.recognise(name)? {
        Chromosome::Autosome(k) if k <= 22 => Some(k),
        Chromosome::X => Some(23),
        Chromosome::Y => Some(24),
        Chromosome::Mt => Some(25),
        _ => None,
    }
}

/// A SNP with its test, as cells of our own tables.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Chromosome, position, ID, other and effect allele.
    pub snp: [&'a str; 5],
    /// Frequency of the effect allele, N, effect, standard error, −log₁₀ p.
    pub numbers: [&'a str; 5],
}

/// The line of a SNP, and its chromosome as the line has it; `None` if the format has no place for
/// it: without a test, place or nucleotides.
pub fn line(row: &Row<'_>, set: ChromosomeSet) -> Option<(String, String)> {
    let [name, position, id, other, effect] = row.snp;
    let [frequency, n, beta, se, log10p] = row.numbers;
    let chromosome = chromosome(name, set)?.to_string();
    let nucleotides = |allele: &str| allele.bytes().all(|b| b"ACGT".contains(&b));
    let placed = position.parse::<i64>().is_ok_and(|p| p > 0);
    if log10p == "NA" || !placed || !nucleotides(other) || !nucleotides(effect) {
        return None;
    }
    let digits = id.strip_prefix("rs").unwrap_or_default();
    let rsid = match !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) {
        true => id,
        false => "#NA",
    };
    let line = format!(
        "{chromosome}\t{position}\t{effect}\t{other}\t{beta}\t{se}\t{frequency}\t{log10p}\t\
         {rsid}\t{n}\t{id}\n"
    );
    Some((line, chromosome))
}

/// What the YAML file says.
#[derive(Clone, Debug)]
pub struct About<'a> {
    /// Name of the table.
    pub file: &'a str,
    /// MD5 of the table, in hexadecimal.
    pub md5: &'a str,
    /// The trait.
    pub of: &'a str,
    /// Individuals.
    pub samples: usize,
    /// Covariates and conditioned SNPs.
    pub covariates: &'a [String],
    /// Whether SNPs are in the order of their places.
    pub sorted: bool,
    /// The test, in words.
    pub test: &'a str,
}

impl About<'_> {
    /// Its text. What only the user knows is `NR`, not reported.
    pub fn yaml(&self) -> String {
        // A string in JSON is one in YAML.
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut text = String::from("# GWAS-SSF v1.0.2; fill in what is NR\n");
        let mut put = |line: String| {
            text += &line;
            text.push('\n');
        };
        put("trait_description:".into());
        put(format!("  - {}", quoted(self.of)));
        put("genome_assembly: NR\ncoordinate_system: 1-based".into());
        put("genotyping_technology:\n  - NR".into());
        put("samples:\n  - sample_ancestry_category:\n      - NR".into());
        put(format!("    sample_size: {}", self.samples));
        put("    case_control_study: false".into());
        put(format!("data_file_name: {}", quoted(self.file)));
        put("file_type: GWAS-SSF v1.0".into());
        put(format!("data_file_md5sum: {}", self.md5));
        let (program, version) = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        put(format!("analysis_software: {program} {version}"));
        if !self.covariates.is_empty() {
            put("adjusted_covariates:".into());
            for name in self.covariates {
                put(format!("  - {}", quoted(name)));
            }
        }
        put(format!("author_notes: {}", quoted(self.test)));
        put("is_harmonised: false".into());
        put(format!("is_sorted: {}", self.sorted));
        text
    }
}

/// MD5 of a table that is complete but for its name, in hexadecimal.
///
/// # Errors
/// `Read`, `Write`.
pub fn md5(file: &mut AtomicFile) -> Result<String> {
    let mut content = file.read_back()?;
    let mut hash = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = content.read(&mut buffer);
        match read.map_err(|e| Error::read(file.path(), &e))? {
            0 => break,
            bytes => hash.update(&buffer[..bytes]),
        }
    }
    let bytes = hash.finalize();
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNP: Row<'_> = Row {
        snp: ["X", "7", "rs12", "A", "G"],
        numbers: ["0.25", "90", "-0.5", "0.1", "6.2"],
    };

    #[test]
    fn lines_have_the_mandatory_columns_in_their_order() {
        let human = ChromosomeSet::default();
        let (text, chromosome) = line(&SNP, human).unwrap();
        assert_eq!(text, "23\t7\tG\tA\t-0.5\t0.1\t0.25\t6.2\trs12\t90\trs12\n");
        assert_eq!(chromosome, "23");
        let odd = Row {
            snp: ["MT", "7", "rs1x", "AT", "G"],
            ..SNP
        };
        assert!(line(&odd, human).unwrap().0.contains("\t#NA\t90\trs1x\n"));
    }

    #[test]
    fn what_the_format_has_no_place_for_is_left_out() {
        let human = ChromosomeSet::default();
        for snp in [
            ["0", "7", "a", "A", "G"],
            ["1", "0", "a", "A", "G"],
            ["1", "7", "a", "A", "0"],
            ["XY", "7", "a", "A", "C"],
        ] {
            assert_eq!(line(&Row { snp, ..SNP }, human), None, "{snp:?}");
        }
        let numbers = ["0", "90", "NA", "NA", "NA"];
        assert_eq!(line(&Row { numbers, ..SNP }, human), None);
    }
}

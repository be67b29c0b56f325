//! Calls per SNP in the columns of `plink2 --geno-counts`.

use std::fmt;

use super::Cohort;

/// Columns of the table, as `plink2 --geno-counts` names them.
pub const COUNTS_HEADER: [&str; 10] = [
    "#CHROM",
    "ID",
    "REF",
    "ALT",
    "HOM_REF_CT",
    "HET_REF_ALT_CTS",
    "TWO_ALT_GENO_CTS",
    "HAP_REF_CT",
    "HAP_ALT_CTS",
    "MISSING_CT",
];

/// One SNP of the table. Displayed, it is a line of tab-separated cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountsRow {
    /// Chromosome as PLINK 2 writes it.
    pub chromosome: String,
    /// SNP ID.
    pub id: String,
    /// Column 6 of the `.bim`; `.` if it is `0`.
    pub reference: String,
    /// Column 5 of the `.bim`, the counted allele; `.` if it is `0`.
    pub alternate: String,
    /// Individuals with dosage 0, 1 and 2.
    pub dosage: [u32; 3],
    /// Individuals without a call.
    pub missing: u32,
}

impl fmt::Display for CountsRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [zero, one, two] = self.dosage;
        write!(
            f,
            "{}\t{}\t{}\t{}\t{zero}\t{one}\t{two}\t0\t0\t{}",
            self.chromosome, self.id, self.reference, self.alternate, self.missing
        )
    }
}

impl Cohort {
    /// The rows of `plink2 --geno-counts --nonfounders`, one per SNP.
    ///
    /// On autosomes they are PLINK's. On X, Y and MT calls are counted as stored, diploid for all
    /// sexes, and both haploid columns are 0, where PLINK counts males as haploid.
    pub fn counts_table(&self) -> impl Iterator<Item = CountsRow> + '_ {
        let allele = |text: &str| match text {
            "0" => ".".to_owned(),
            text => text.to_owned(),
        };
        let rows = self.snps.iter().zip(self.genotypes.counts());
        rows.map(move |(snp, counts)| CountsRow {
            chromosome: self.chromosomes.label(&snp.chromosome),
            id: snp.id.clone(),
            reference: allele(&snp.a2),
            alternate: allele(&snp.a1),
            dosage: counts.dosage,
            missing: counts.missing,
        })
    }
}

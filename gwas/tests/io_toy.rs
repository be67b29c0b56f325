//! The smallest set, value by value.

mod common;

use std::fs;

use epitile::cohort::{Cohort, CohortOptions};
use epitile::error::Result;
use epitile::io::fileset::Fileset;
use epitile::phenotypes::{PhenotypeOptions, Phenotypes};

#[test]
fn the_decoded_bed_is_the_table_of_dosages() {
    let Some(folder) = common::data("toy13") else {
        return;
    };
    let cohort = Cohort::load(&CohortOptions::new(folder.join("toy13"))).unwrap();
    let text = fs::read_to_string(folder.join("dosage_A1.tsv")).unwrap();
    let mut lines = text
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let ids: Vec<&str> = cohort.snps.iter().map(|snp| &*snp.id).collect();
    assert_eq!(header[1..], ids);
    let mut rows = 0;
    for (i, line) in lines.enumerate() {
        assert_eq!(line[0], cohort.samples[i].iid);
        for (m, &cell) in line[1..].iter().enumerate() {
            let dosage = cohort.genotypes.dosage(i, m);
            let ours = dosage.map_or("NA".to_owned(), |x| x.to_string());
            assert_eq!(ours, cell, "individual {i}, SNP {m}");
        }
        rows += 1;
    }
    assert_eq!((rows, cohort.samples.len()), (13, 13));
    assert!(
        cohort
            .notes
            .iter()
            .any(|n| n.starts_with("1 SNPs are monomorphic"))
    );
}

#[test]
fn frequencies_are_those_of_numpy() {
    let Some(folder) = common::data("toy13") else {
        return;
    };
    let cohort = Cohort::load(&CohortOptions::new(folder.join("toy13"))).unwrap();
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let frequencies = expected["allele_freq_A1"].as_array().unwrap();
    assert_eq!(frequencies.len(), cohort.snps.len());
    for (counts, expected) in cohort.genotypes.counts().iter().zip(frequencies) {
        // A quotient of small integers, halved: one rounding on either side.
        let error = (counts.frequency() - expected.as_f64().unwrap()).abs();
        assert!(error <= 2.0 * f64::EPSILON);
    }
}

#[test]
fn phenotypes_and_headers_are_read_without_the_calls() -> Result<()> {
    let Some(folder) = common::data("toy13") else {
        return Ok(());
    };
    let files = Fileset::read(folder.join("toy13"))?;
    let options = PhenotypeOptions {
        file: folder.join("toy13.pheno.txt"),
        ..PhenotypeOptions::default()
    };
    let phenotypes = Phenotypes::read(&options, &files.samples)?;
    assert_eq!(phenotypes.traits.len(), 1);
    assert_eq!(phenotypes.traits[0].values[0], 0.467_288);
    assert_eq!(phenotypes.overlap.common, 13);
    Ok(())
}

//! Tables of the real cohorts: phenotypes, covariates and folds.

mod common;

use epitile::covariates::{CovariateOptions, Design};
use epitile::folds::Folds;
use epitile::io::fileset::Fileset;
use epitile::phenotypes::{PhenotypeOptions, Phenotypes};

#[test]
fn phenotypes_of_every_cohort_are_aligned() {
    for (set, prefix, file, traits) in [
        ("gcta_test", "gcta_test", "gcta_test.pheno.txt", 1),
        ("hapmap3", "hapmap3", "hapmap3.pheno.txt", 1),
        ("mice", "mice", "mice.pheno.txt", 8),
        ("regenie_example", "example", "phenotype_bin_wNA.txt", 2),
        ("rice44k", "rice44k", "rice44k.pheno.txt", 9),
        ("sarscov2_ncov418", "ncov418", "ncov418.pheno.txt", 11),
        ("sim_add", "sim_add", "sim_add.null.pheno.txt", 20),
        ("sim_epi", "sim_epi", "sim_epi.pheno.txt", 4),
        ("wheat", "wheat", "wheat.pheno.txt", 4),
    ] {
        let Some(folder) = common::data(set) else {
            continue;
        };
        let samples = Fileset::read(folder.join(prefix)).unwrap().samples;
        let options = PhenotypeOptions {
            file: folder.join(file),
            ..PhenotypeOptions::default()
        };
        let read = Phenotypes::read(&options, &samples).unwrap();
        assert_eq!(read.traits.len(), traits, "{set}");
        assert_eq!(read.overlap.common, samples.len(), "{set}");
        assert!(read.traits.iter().all(|t| t.values.len() == samples.len()));
    }
}

#[test]
fn the_mice_without_cd8_are_counted() {
    let Some(folder) = common::data("mice") else {
        return;
    };
    let samples = Fileset::read(folder.join("mice")).unwrap().samples;
    let options = PhenotypeOptions {
        file: folder.join("mice.pheno.txt"),
        names: Some("CD8".into()),
        ..PhenotypeOptions::default()
    };
    let read = Phenotypes::read(&options, &samples).unwrap();
    assert_eq!(read.traits[0].observed().len(), 1319);
}

#[test]
fn covariates_in_numbers_and_in_words_are_read() {
    let Some(folder) = common::data("mice") else {
        return;
    };
    let samples = Fileset::read(folder.join("mice")).unwrap().samples;
    let options = |file: &str, names: &str, categorical: Option<&str>| CovariateOptions {
        file: folder.join(file),
        names: Some(names.into()),
        categorical: categorical.map(str::to_owned),
    };
    let numbers = options("mice.covar.txt", "sex,CageDensity-StudyDay", None);
    let design = Design::read(&numbers, &samples).unwrap();
    assert_eq!(design.columns.len(), 4);
    let words = options("mice.categorical.txt", "season", Some("season"));
    let design = Design::read(&words, &samples).unwrap();
    assert_eq!(design.categories[0].levels.len(), design.columns.len() + 1);
    let error = Design::read(&options("mice.categorical.txt", "season", None), &samples);
    assert!(error.unwrap_err().to_string().contains("--cat-covar"));
}

#[test]
fn folds_of_every_cohort_are_read() {
    for (set, prefix) in [
        ("mice", "mice"),
        ("rice44k", "rice44k"),
        ("sarscov2_ncov418", "ncov418"),
        ("sim_add", "sim_add"),
        ("sim_epi", "sim_epi"),
        ("wheat", "wheat"),
    ] {
        let Some(folder) = common::data(set) else {
            continue;
        };
        let samples = Fileset::read(folder.join(prefix)).unwrap().samples;
        let folds = Folds::read(folder.join("folds10.txt"), &samples).unwrap();
        let expected: Vec<String> = (1..=10).map(|k| k.to_string()).collect();
        assert_eq!(folds.names, expected, "{set}");
        assert!(folds.of.iter().all(Option::is_some), "{set}");
    }
}

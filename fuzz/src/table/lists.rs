//! Folds, and lists of individuals and SNPs.

use epitile::folds::Folds;
use epitile::io::bim::Snp;
use epitile::io::fam::Sample;
use epitile::io::{lists, weights};

use super::{naive, number, parts, taken};
use crate::scratch::Folder;
use crate::source::Source;

pub(super) fn folds(source: &mut Source<'_>, folder: &Folder, samples: &[Sample]) {
    let (_, _, file) = parts(source);
    let Some(folds) = taken(Folds::read(folder.put("t", file), samples)) else {
        return;
    };
    assert_eq!(folds.of.len(), samples.len());
    assert!(folds.count() >= 2);
    let mut names = folds.names.clone();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), folds.count(), "names of folds");
    let placed = folds.of.iter().flatten().count();
    for f in 0..folds.count() as u32 {
        let (test, train) = (folds.test(f), folds.train(f));
        assert!(!test.is_empty());
        assert_eq!(test.len() + train.len(), placed);
        let lines = naive(file);
        let alone = lines[0][0]
            .trim_start_matches('#')
            .eq_ignore_ascii_case("iid");
        for i in test {
            let sample = &samples[i as usize];
            let line = lines.iter().find(|line| match alone {
                true => line[0] == sample.iid,
                false => (line[0], line[1]) == sample.key(),
            });
            let name = line.and_then(|line| line.last().copied());
            assert_eq!(
                name,
                Some(&*folds.names[f as usize]),
                "fold of {}",
                sample.id()
            );
        }
    }
}

pub(super) fn samples(source: &mut Source<'_>, folder: &Folder, samples: &[Sample]) {
    let (_, _, file) = parts(source);
    let Some(listed) = taken(lists::samples(folder.put("t", file), samples)) else {
        return;
    };
    assert_eq!(listed.member.len(), samples.len());
    let lines = naive(file);
    for (sample, &member) in samples.iter().zip(&listed.member) {
        let full = |line: &Vec<&str>| line.get(..2) == Some(&[&*sample.fid, &*sample.iid]);
        let alone = |line: &Vec<&str>| line[0] == sample.iid;
        let first = lines[0][0].trim_start_matches('#').to_ascii_uppercase();
        let expected = match &*first {
            "IID" => lines[1..].iter().any(alone),
            _ => lines.iter().any(full),
        };
        assert_eq!(member, expected, "{}", sample.id());
    }
}

pub(super) fn snps(source: &mut Source<'_>, folder: &Folder, _: &[Sample]) {
    let (flags, _, file) = parts(source);
    let known = ["s1", "s2", "s2", "."].map(|id| Snp {
        id: id.into(),
        ..Snp::default()
    });
    if flags & 2 != 0 {
        return weighted(file, folder, &known);
    }
    let Some(listed) = taken(lists::snps(folder.put("t", file), &known)) else {
        return;
    };
    let lines = naive(file);
    for (snp, &member) in known.iter().zip(&listed.member) {
        assert_eq!(member, lines.iter().any(|line| line[0] == snp.id));
    }
    let mut unknown: Vec<&str> = lines.iter().map(|line| line[0]).collect();
    unknown.retain(|id| known.iter().all(|snp| snp.id != **id));
    unknown.sort_unstable();
    unknown.dedup();
    let mut told: Vec<&str> = listed.unknown.iter().map(String::as_str).collect();
    told.sort_unstable();
    assert_eq!(told, unknown);
}

/// Weights of the same SNPs.
fn weighted(file: &[u8], folder: &Folder, known: &[Snp]) {
    let Some(found) = taken(weights::read(folder.put("t", file), known)) else {
        return;
    };
    let lines = naive(file);
    for (snp, &weight) in known.iter().zip(&found.values) {
        let line = lines.iter().rev().find(|line| line[0] == snp.id);
        assert_eq!(number(line.map(|line| line[1])), Some(weight));
        assert!(weight >= 0.0 && weight.is_finite());
    }
}

use super::*;
use crate::io::scratch;

fn samples(ids: &[(&str, &str)]) -> Vec<Sample> {
    ids.iter().map(|(f, i)| Sample::new(*f, *i)).collect()
}

fn read(text: &str) -> Result<Folds> {
    let cohort = samples(&[("f", "a"), ("f", "b"), ("f", "c")]);
    Folds::read(scratch(text.as_bytes()).path(), &cohort)
}

#[test]
fn folds_of_a_file_are_sorted_by_number_or_name() {
    for head in ["", "FID IID fold\n", "#FID\tIID\tgroup\r\n"] {
        let folds = read(&format!("{head}f c 10\nf a 2\nf b 2\n")).unwrap();
        assert_eq!(folds.names, ["2", "10"]);
        assert_eq!(folds.of, [Some(0), Some(0), Some(1)]);
        assert_eq!((folds.test(0), folds.train(0)), (vec![0, 1], vec![2]));
    }
    let folds = read("#IID fold\nc 10\na x\n").unwrap();
    assert_eq!(folds.names, ["10", "x"]);
}

#[test]
fn individuals_without_a_fold_are_left_out_and_told() {
    let folds = read("f a 1\nf b NA\nf c 2\nf z 1\n").unwrap();
    assert_eq!(folds.of, [Some(0), None, Some(1)]);
    let notes = folds.notes.join("\n");
    assert!(notes.contains("1 individuals have no fold"), "{notes}");
    assert!(notes.contains("1 only in the file (f z)"), "{notes}");
}

#[test]
fn files_that_make_no_folds_are_refused() {
    for (text, code, part) in [
        ("f a 1\nf b 1\n", 7, "found 1 folds (1)"),
        (
            "f a 1\nf b 2\nf z 3\n",
            7,
            "folds without any individual of the cohort: '3'",
        ),
        ("f z 1\n", 7, "none of its 1 individuals"),
        ("f a 1\nf a 2\n", 7, "occur more than once"),
        ("FID IID x y\nf a 1 2\n", 6, "2 columns after the IDs"),
        ("f a\n", 6, "found 2 cells; expected 3: FID IID fold"),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error.exit_code(), code, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn random_folds_are_near_equal_and_follow_the_seed() {
    let folds = Folds::random(103, 10, 7).unwrap();
    let sizes: Vec<usize> = (0..10).map(|f| folds.test(f).len()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 103);
    assert!(sizes.iter().all(|&s| s == 10 || s == 11));
    assert_eq!(folds, Folds::random(103, 10, 7).unwrap());
    assert_ne!(folds.of, Folds::random(103, 10, 8).unwrap().of);
    assert_eq!(Folds::random(5, 5, 1).unwrap().count(), 5);
    for (n, k) in [(5, 6), (5, 1), (5, 0), (0, 2)] {
        assert_eq!(Folds::random(n, k, 1).unwrap_err().exit_code(), 8);
    }
}

#[test]
fn the_folds_of_a_seed_never_change() {
    let of: Vec<u32> = Folds::random(10, 3, 42)
        .unwrap()
        .of
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(of, FIXED);
}

/// As first computed: a change would make old results irreproducible.
const FIXED: [u32; 10] = [1, 2, 2, 1, 0, 0, 0, 1, 2, 0];

#[test]
fn families_stay_together_and_sizes_are_balanced() {
    let mut ids = Vec::new();
    for family in 0..12 {
        for member in 0..=family % 5 {
            ids.push(Sample::new(format!("f{family}"), member.to_string()));
        }
    }
    ids.extend([Sample::new("0", "lone"), Sample::new("0", "other")]);
    let folds = Folds::families(&ids, 4, 3).unwrap();
    for (a, x) in ids.iter().zip(&folds.of) {
        for (b, y) in ids.iter().zip(&folds.of) {
            assert!(a.fid != b.fid || a.fid == "0" || x == y);
        }
    }
    let sizes: Vec<usize> = (0..4).map(|f| folds.test(f).len()).collect();
    let spread = sizes.iter().max().unwrap() - sizes.iter().min().unwrap();
    assert!(spread <= 1, "{sizes:?}");
    assert_eq!(folds, Folds::families(&ids, 4, 3).unwrap());
    let error = Folds::families(&samples(&[("f", "a"), ("f", "b")]), 2, 1).unwrap_err();
    assert!(error.to_string().contains("only 1 families"), "{error}");
}

#[test]
fn leaving_out_individuals_may_empty_a_fold() {
    let folds = read("f a 1\nf b 1\nf c 2\n").unwrap();
    let rest = folds.restrict(&[false, true, true]).unwrap();
    assert_eq!(rest.of, [None, Some(0), Some(1)]);
    let error = folds.restrict(&[true, true, false]).unwrap_err();
    assert!(error.to_string().contains("'2'"), "{error}");
}

//! Broken filesets.

use super::{Lab, cv, lab};

/// Validation of the broken fileset `b`.
fn broken(lab: &Lab, code: i32, parts: &[&str]) {
    lab.fails(&cv("--bfile s", "--bfile b"), code, parts);
    lab.fails("counts --bfile b --out o", code, parts);
}

/// The text file `s.END` as `b.END` with line `line` (from 1) changed.
fn change(lab: &Lab, end: &str, line: usize, by: impl Fn(&str) -> String) {
    lab.copy();
    let text = lab.text(&format!("s.{end}"));
    let lines = text.lines().zip(1..);
    let changed: Vec<String> = lines
        .map(|(text, number)| {
            if number == line {
                by(text)
            } else {
                text.into()
            }
        })
        .collect();
    lab.write(&format!("b.{end}"), changed.join("\n") + "\n");
}

#[test]
fn a_truncated_bed_is_refused_with_both_sizes() {
    let lab = lab();
    // 50 individuals take 13 bytes a SNP.
    for size in [3 + 13 * 59, 3 + 13 * 60 - 1, 3 + 13 * 60 + 1, 3] {
        lab.copy();
        let mut bytes = lab.bytes("s.bed");
        bytes.resize(size, 0xff);
        lab.write("b.bed", bytes);
        let found = format!("{size} bytes found");
        let parts = [
            "b.bed",
            &found,
            "50 individuals",
            "60 SNPs",
            "take 783 bytes",
        ];
        broken(&lab, 7, &parts);
    }
}

#[test]
fn what_is_no_snp_major_bed_is_refused_by_its_first_bytes() {
    let lab = lab();
    let heads: [(&[u8], &str); 5] = [
        (b"\x6c\x1b\x00", "sample-major"),
        (b"\x6c\x1b\x02", "found the bytes 6c 1b 02"),
        (b"chr1\t100", "found the bytes 63 68 72"),
        (b"\x6c\x1b", "a file of 2 bytes"),
        (b"", "a file of 0 bytes"),
    ];
    for (head, part) in heads {
        lab.copy();
        let rest = lab.bytes("s.bed");
        let whole = head.len() >= 3;
        let bytes = [head, rest.get(3..).filter(|_| whole).unwrap_or(&[])].concat();
        lab.write("b.bed", bytes);
        broken(&lab, 6, &["b.bed, byte 0", part, "6c 1b 01"]);
    }
}

#[test]
fn row_counts_that_differ_are_told_with_both_numbers() {
    let lab = lab();
    for (end, keep, parts) in [
        (
            "fam",
            40,
            [
                "40 individuals (.fam)",
                "60 SNPs (.bim)",
                "it holds 78 SNPs",
            ],
        ),
        (
            "bim",
            55,
            [
                "50 individuals (.fam)",
                "55 SNPs (.bim)",
                "it holds 60 SNPs",
            ],
        ),
    ] {
        lab.copy();
        let text = lab.text(&format!("s.{end}"));
        let lines: Vec<&str> = text.lines().take(keep).collect();
        lab.write(&format!("b.{end}"), lines.join("\n") + "\n");
        broken(&lab, 7, &parts);
    }
    change(&lab, "fam", 50, |l| {
        format!("{l}\nx1 x1 0 0 0 -9\nx2 x2 0 0 0 -9\nx3 x3 0 0 0 -9")
    });
    broken(&lab, 7, &["53 individuals (.fam)", "60 SNPs (.bim)"]);
}

#[test]
fn duplicated_individuals_are_named_with_their_lines() {
    let lab = lab();
    change(&lab, "fam", 9, |l| l.replace("id9\tid9", "id2\tid2"));
    broken(
        &lab,
        7,
        &["b.fam", "id2 id2 (lines 2 and 9)", "occur more than once"],
    );
}

#[test]
fn broken_lines_are_named_by_file_and_line() {
    let lab = lab();
    type Change = fn(&str) -> String;
    let cases: [(&str, usize, Change, &[&str]); 7] = [
        (
            "fam",
            3,
            |_| "id3 id3 0 0 1".into(),
            &["b.fam, line 3", "5 columns", "expected 6"],
        ),
        (
            "fam",
            4,
            |l| l.replace("-9", "tall"),
            &["b.fam, line 4", "'tall'"],
        ),
        (
            "fam",
            4,
            |l| l.replace("-9", "inf"),
            &["b.fam, line 4", "'inf'"],
        ),
        (
            "bim",
            7,
            |_| "1 snp7 0 5 A".into(),
            &["b.bim, line 7", "5 columns", "expected 6"],
        ),
        (
            "bim",
            8,
            |_| "1 snp8 0 1e5 A G".into(),
            &["b.bim, line 8", "position '1e5'"],
        ),
        (
            "bim",
            8,
            |_| "1 snp8 nan 10 A G".into(),
            &["b.bim, line 8", "'nan'", "centimorgan"],
        ),
        (
            "bim",
            60,
            |_| "3 \u{1b}[2J 0 x A G".into(),
            &["b.bim, line 60", "'x'"],
        ),
    ];
    for (end, line, by, parts) in cases {
        change(&lab, end, line, by);
        broken(&lab, 6, parts);
    }
    lab.copy();
    lab.write(
        "b.bim",
        [lab.bytes("s.bim"), b"3 \xff\xfe 0 1 A G\n".to_vec()].concat(),
    );
    broken(&lab, 6, &["b.bim, line 61", "not UTF-8"]);
}

#[test]
fn files_that_are_not_there_are_named() {
    let lab = lab();
    for end in ["bed", "bim", "fam"] {
        lab.copy();
        let name = format!("b.{end}");
        std::fs::remove_file(lab.path(&name)).unwrap();
        let parts = [&*format!("cannot open {name}"), "no such file"];
        broken(&lab, 3, &parts);
        std::fs::create_dir(lab.path(&name)).unwrap();
        broken(
            &lab,
            3,
            &[&*format!("cannot open {name}"), "it is a folder"],
        );
        std::fs::remove_dir(lab.path(&name)).unwrap();
    }
    lab.fails(
        &cv("--pheno s.pheno.txt", "--pheno absent"),
        3,
        &["cannot open absent"],
    );
    for flag in ["--keep", "--remove", "--extract", "--exclude", "--covar"] {
        let line = format!("{} {flag} absent", super::CV);
        lab.fails(&line, 3, &["cannot open absent", "no such file"]);
    }
}

#[test]
fn empty_files_are_degenerate() {
    let lab = lab();
    for (end, what) in [("fam", "no individuals"), ("bim", "no SNPs")] {
        lab.copy();
        lab.write(&format!("b.{end}"), "\n\n");
        broken(&lab, 13, &[&*format!("b.{end}"), what]);
    }
}

#[test]
fn snp_ids_that_repeat_stop_a_fit_only_if_the_model_needs_them() {
    let lab = lab();
    change(&lab, "bim", 40, |l| l.replace("snp40", "snp4"));
    // Validation matches nothing by ID.
    lab.succeeds(&cv("--bfile s", "--bfile b"));
    let fit = "fit --bfile b --pheno s.pheno.txt --kernel linear --lambda 1 --out m";
    lab.fails(
        fit,
        7,
        &["1 SNP IDs occur more than once", "snp4", "--exclude"],
    );
    // The other SNP of that name is on chromosome 2.
    lab.succeeds(&format!("{fit} --chr 1"));
    lab.succeeds("predict --model m.epitile --bfile b --out repeated");
    lab.succeeds("predict --model m.epitile --bfile s --out unique");
    assert_eq!(lab.outputs("repeated"), lab.outputs("unique"));
}

/// A process may open its own memory, but not read its first page.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_opens_but_cannot_be_read_has_its_own_exit_code() {
    let lab = lab();
    let parts = [
        "cannot read /proc/self/mem",
        "error number 5",
        "Check the disk",
    ];
    for line in [
        cv("--pheno s.pheno.txt", "--pheno /proc/self/mem"),
        cv("--folds 3", "--folds /proc/self/mem"),
        format!("{} --keep /proc/self/mem", super::CV),
        "predict --model /proc/self/mem --bfile s --out o".into(),
    ] {
        lab.fails(&line, 4, &parts);
    }
}

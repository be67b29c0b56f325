//! What may be named on the command line, and what is refused.

use crate::lab::Lab;
use crate::{HEADER, even, line};

#[test]
fn prefixes_stand_for_their_own_run_only() {
    let lab = Lab::new();
    for name in ["a_y1", "a_y_2", "ab_y3"] {
        lab.write(&format!("{name}.regenie"), even(&["1"], 9));
    }
    let summary = "PHENO\tKERNEL\tGAMMA\tLAMBDA\tBEST\tMSPE\tSE_MSPE\tPEARSON\tSE_PEARSON\tR2\n\
                   z\tlinear\tNA\t1\t1\t0.5\t0.1\t0.6\t0.1\t0.3\n";
    lab.write("a_small.cv_summary.tsv", summary);
    lab.write("a.notes.txt", "nothing\n");
    lab.succeeds("report a --out r");
    let page = lab.text("r.html");
    assert!(page.contains("Trait y1<") && page.contains("Trait y_2<"));
    assert!(!page.contains("y3") && !page.contains("Trait z"));
    // A folder stands for all its files, but not for what an earlier report left there.
    lab.succeeds("report . --out r");
    lab.succeeds("report . --out r");
    let page = lab.text("r.html");
    assert!(
        page.contains("Trait ab_y3<") && page.contains("Trait z<"),
        "{page}"
    );
    assert!(!page.contains("Run r<"));
    // Files named one by one may be useless as long as others are not.
    let run = lab.succeeds("report a.notes.txt a_y1.regenie --out q.html");
    run.says(&["note: nothing for a report is in a.notes.txt"]);
}

#[test]
fn epistasis_tables_of_several_traits_are_found_by_their_prefix() {
    let lab = Lab::with_cohort("--samples 90 --snps 60 --traits 2 --additive 0.4 --seed 3");
    let run = "epistasis --bfile s --pheno s.pheno.txt";
    lab.succeeds(&format!("{run} --global --kernel grm^2,gaussian --out g"));
    lab.succeeds(&format!("{run} --marginal --out m"));
    lab.succeeds("report g m --out r");
    let page = lab.text("r.html");
    for name in ["y1", "y2"] {
        // One section of each trait, with both.
        assert_eq!(page.matches(&format!("<h2>Trait {name}</h2>")).count(), 1);
        assert!(page.contains(&format!("m_{name}.marginal.tsv")), "{name}");
        assert!(page.contains(&format!("g_{name}.global.tsv")), "{name}");
        let rows = lab.rows(&format!("g_{name}.global.tsv"));
        for row in &rows[1..] {
            for cell in [&row[0], &row[1], &row[6]] {
                assert!(page.contains(&format!(">{cell}<")), "{row:?}");
            }
        }
    }
    // The table alone is enough.
    lab.succeeds("report g_y2.global.tsv --out q");
    assert!(lab.text("q.html").contains("Trait y2<"));
}

#[test]
fn what_cannot_be_reported_is_named() {
    let lab = Lab::new();
    lab.write("notes.txt", "a b c\n1 2 3\n");
    lab.write("binary.bin", [0u8, 159, 146, 150, 10, 255]);
    lab.write("ok.regenie", even(&["1"], 9));
    lab.write(
        "number.regenie",
        format!("{HEADER}{}", line("1", 5, "a", "much")),
    );
    lab.write(
        "negative.regenie",
        format!("{HEADER}{}", line("1", 5, "a", "-2")),
    );
    lab.write(
        "infinite.regenie",
        format!("{HEADER}{}", line("1", 5, "a", "inf")),
    );
    let place = line("1", 5, "a", "1").replace("1\t5\t", "1\t5.5\t");
    lab.write("place.regenie", format!("{HEADER}{place}"));
    let half = line("1", 5, "a", "1");
    lab.write("cut.regenie", format!("{HEADER}{half}{}", &half[..20]));
    lab.write("broken.run.json", "{\n  \"program\": \"epitile\",\n  \"ver");
    lab.write(
        "v.varcomp.tsv",
        "SOURCE\tVARIANCE\tSE\tPROPORTION\tSE_PROPORTION\nresidual\t1\t0.1\tx\t0.1\n",
    );
    for (inputs, code, parts) in [
        ("absent", 3, &["cannot open absent", "prefix (--out)"][..]),
        ("none/absent", 3, &["cannot open none/absent"]),
        (
            "notes.txt binary.bin",
            7,
            &["nothing to report", "2 files", "notes.txt, binary.bin"],
        ),
        (
            "number.regenie",
            6,
            &[
                "number.regenie, line 2: found 'much' in column LOG10P",
                "NA",
            ],
        ),
        ("negative.regenie", 6, &["line 2: found '-2'", "0 or more"]),
        ("infinite.regenie", 6, &["line 2: found 'inf'"]),
        (
            "place.regenie",
            6,
            &["found '5.5' in column GENPOS; expected a whole number"],
        ),
        ("cut.regenie", 6, &["line 3: found", "as in the header"]),
        (
            "ok.regenie broken.run.json",
            6,
            &["broken.run.json, line 3", "run record"],
        ),
        (
            "ok.regenie v",
            6,
            &["v.varcomp.tsv, line 2: found 'x' in column PROPORTION"],
        ),
    ] {
        let run = lab.run(&format!("report {inputs} --out r"));
        assert_eq!(run.code, code, "{inputs}: {}", run.log);
        run.says(parts);
        assert!(!lab.listing().contains(&"r.html".to_owned()), "{inputs}");
    }
    for (line, code) in [
        ("report ok.regenie --out absent/r.html", 5),
        ("report ok.regenie --out .html", 8),
        ("report ok.regenie --leads 0 --out r", 8),
        ("report ok.regenie --chr-set 0 --out r", 8),
        ("report --out r", 8),
        ("report ok.regenie", 8),
    ] {
        let run = lab.run(line);
        assert_eq!(run.code, code, "{line}: {}", run.log);
    }
}

#[test]
fn predictions_are_compared_with_what_was_observed() {
    let lab = Lab::new();
    let rows = |k: usize| format!("f{k}\ti{k}\t{}\t0.1\t0.5\n", k as f64 / 10.0);
    let table: String = (0..40).map(rows).collect();
    lab.write(
        "p.sscore",
        format!("#FID\tIID\ty_PRED\ty_SE\ty_SE_NEW\n{table}"),
    );
    // 38 are 0.3 off, within 1.96 × 0.5; two are 2 off.
    let off = |k: usize| if k < 2 { 2.0 } else { 0.3 };
    let row = |k: usize| format!("f{k} i{k} {}\n", k as f64 / 10.0 + off(k));
    let observed: String = (0..40).map(row).collect();
    lab.write("o.txt", format!("FID IID y\n{observed}x x NA\n"));
    lab.succeeds("report p --pheno o.txt --out r");
    let page = lab.text("r.html");
    assert!(
        page.contains("Trait y<") && page.contains(">95.0 %<"),
        "{page}"
    );
    let run = lab.run("report p --out r2");
    assert_eq!(run.code, 7, "{}", run.log);
    run.says(&["--pheno FILE"]);
    lab.write("other.txt", "FID IID y\nq q 1\n");
    let run = lab.run("report p --pheno other.txt --out r2");
    assert_eq!(run.code, 7, "{}", run.log);
    run.says(&["no individual of p.sscore is in other.txt"]);
}

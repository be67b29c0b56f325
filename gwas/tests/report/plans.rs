//! The plan of a factor, from the solver through the run record to the page.

use std::collections::BTreeMap;

use crate::lab::Lab;

#[test]
fn the_record_has_the_format_of_every_tile_and_the_page_counts_them() {
    let lab = Lab::with_cohort("--samples 120 --snps 200");
    let fit = "fit --bfile s --pheno s.pheno.txt --kernel gaussian --lambda 0.5 --tile 16";
    lab.succeeds(&format!("{fit} --precision adaptive --out a"));
    lab.succeeds(&format!("{fit} --precision banded:2 --out b"));
    for (run, has_norms) in [("a", true), ("b", false)] {
        let record = lab.record(run);
        let plan = &record["extra"]["plans"][0];
        assert_eq!(
            (&plan["individuals"], &plan["edge"]),
            (&120.into(), &16.into())
        );
        let rows: Vec<Vec<&str>> = plan["formats"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row.as_str().unwrap().split(' ').collect())
            .collect();
        let lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 2, 3, 4, 5, 6, 7, 8]);
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for format in rows.iter().flatten() {
            *counts.entry(format).or_default() += 1;
        }
        let told = record["extra"]["certificate"]["tiles"].as_object().unwrap();
        let told: BTreeMap<&str, u64> = told
            .iter()
            .map(|(format, n)| (&**format, n.as_u64().unwrap()))
            .collect();
        assert_eq!(counts, told, "{run}");
        assert_eq!(
            !plan["norms"].as_array().unwrap().is_empty(),
            has_norms,
            "{run}"
        );
        lab.succeeds(&format!("report {run} --out r{run}"));
        let page = lab.text(&format!("r{run}.html"));
        for (format, n) in counts {
            let row = format!("{format}</th><td class=\"number\">{n}</td>");
            assert!(page.contains(&row), "no '{row}'");
        }
        assert_eq!(page.contains("does not look at norms"), !has_norms);
    }
}

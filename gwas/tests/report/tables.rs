//! Association tables of every kind.

use crate::lab::Lab;
use crate::{HEADER, common, even, line};

/// The report of one table, as text.
#[track_caller]
fn report(table: &str, flags: &str) -> String {
    let lab = Lab::new();
    lab.write("a_y.regenie", table);
    lab.succeeds(&format!("report a_y.regenie {flags} --out r.html"));
    lab.text("r.html")
}

#[track_caller]
fn has(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "no '{part}' on the page");
    }
}

#[test]
fn the_line_is_that_of_human_genomes_only_where_chromosomes_are_human() {
    let all: Vec<String> = (1..=22).map(|k| format!("chr{k}")).collect();
    let human: Vec<&str> = all.iter().map(String::as_str).collect();
    let mouse = &human[..19];
    let usual = "the usual threshold for human genomes";
    has(&report(&even(&human, 5), ""), &[usual, "p = 5 × 10⁻⁸"]);
    has(&report(&even(mouse, 5), "--chr-set 22"), &[usual]);
    // 0.05 / 95.
    let bonferroni = ["5.26 × 10⁻⁴, Bonferroni for 95 tests"];
    has(&report(&even(mouse, 5), "--chr-set 19"), &bonferroni);
    has(&report(&even(mouse, 5), ""), &bonferroni);
    has(
        &report(&even(&human, 5), "--chr-set 38"),
        &["Bonferroni for 110 tests"],
    );
}

#[test]
fn uniform_p_have_a_lambda_of_one_and_lead_snps_keep_their_distance() {
    let page = report(&even(&["1", "2", "3"], 101), "--leads 3");
    has(
        &page,
        &["λ_GC = 1.000", "Lead SNPs: the best within 250 kb"],
    );
    // Neighbours are 300 kb apart: the window takes none, a wider one does.
    let ids = |page: &str| {
        let table = page.split("Lead SNPs").nth(2).unwrap();
        let body = table.split("</table>").next().unwrap();
        let cells = body.split("<th scope=\"row\"").skip(1);
        let id = |c: &str| {
            c.split('>')
                .nth(1)
                .unwrap()
                .split('<')
                .next()
                .unwrap()
                .to_owned()
        };
        cells.map(id).collect::<Vec<_>>()
    };
    let rows = |a: &str, b: &str, c: &str| {
        let one = line("1", 1_000_000, "first", a) + &line("1", 1_200_000, "near", b);
        HEADER.to_owned() + &one + &line("1", 1_500_000, "far", c)
    };
    let table = rows("5", "4.9", "3");
    assert_eq!(ids(&report(&table, "")), ["first", "far"]);
    assert_eq!(
        ids(&report(&table, "--lead-kb 100")),
        ["first", "near", "far"]
    );
    assert_eq!(ids(&report(&table, "--lead-kb 500")), ["first"]);
    // Ties go to the first of the table.
    assert_eq!(ids(&report(&rows("4", "4", "3"), "")), ["first", "far"]);
}

#[test]
fn odd_values_are_shown_as_what_they_are() {
    let mut table = HEADER.to_owned();
    table += &line("23", 5, "x", "320.5");
    table += &line("MT", 7, "mt", "5000");
    table += &line("0", 0, "unplaced", "0");
    table += &line("scaffold_9", 1, "odd", "-0");
    table += &line("Y", 9, "none", "NA");
    let page = report(&table, "");
    has(
        &page,
        &[
            "3.16 × 10⁻³²¹",
            "1.00 × 10⁻⁵⁰⁰⁰",
            "above 20: log scale",
            "MONOMORPHIC",
            "scaffold_9",
        ],
    );
    for wrong in ["NaN", "inf", "−0.000"] {
        assert!(!page.contains(&format!(">{wrong}<")), "{wrong}");
    }
    // In the order of the genome: X, MT, others, unplaced.
    let table = page.split("By chromosome").nth(2).unwrap();
    let place = |name: &str| {
        table
            .find(&format!(">{name}</th>"))
            .unwrap_or_else(|| panic!("{name}"))
    };
    assert!(place("X") < place("MT") && place("MT") < place("scaffold_9"));
    assert!(place("scaffold_9") < place("0"));
}

#[test]
fn tables_of_one_and_of_no_snp_are_reported() {
    has(
        &report(&(HEADER.to_owned() + &line("1", 5, "only", "0.7")), ""),
        &["only", "QQ plot"],
    );
    let none = report(HEADER, "");
    has(&none, &["holds no SNP that was tested"]);
    assert!(!none.contains("<svg"));
    let codes = HEADER.to_owned() + &line("1", 5, "a", "NA") + &line("2", 5, "b", "NA");
    has(
        &report(&codes, ""),
        &["holds no SNP that was tested", "MONOMORPHIC"],
    );
    // Without positions SNPs stand in the order of the table.
    let row = |k: u64| line("1", 0, &format!("s{k}"), &format!("0.{k}"));
    has(
        &report(
            &(HEADER.to_owned() + &(1..9).map(row).collect::<String>()),
            "",
        ),
        &["s8"],
    );
}

#[test]
fn tables_of_other_programs_are_read() {
    let lab = Lab::new();
    lab.write(
        "ssf.tsv",
        "chromosome\tbase_pair_location\teffect_allele\tother_allele\tbeta\tstandard_error\t\
         effect_allele_frequency\tneg_log_10_p_value\trsid\n1\t100\tA\tG\t0.1\t0.02\t0.3\t6.5\trs1\n",
    );
    lab.succeeds("report ssf.tsv --out s");
    has(&lab.text("s.html"), &["rs1", "3.16 × 10⁻⁷"]);
    let Some(data) = common::data("regenie_example") else {
        return;
    };
    let table = data.join("example.test_bin_out_firth_Y1.regenie");
    lab.write("o_Y1.regenie", std::fs::read(table).unwrap());
    let run = lab.succeeds("report o --out r");
    run.says(&["Y1: 1000 SNPs tested, 0 not"]);
    // Packed, it is the same but for its name.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut packed, &lab.bytes("o_Y1.regenie")).unwrap();
    lab.write("o_Y1.regenie.gz", packed.finish().unwrap());
    lab.succeeds("report o_Y1.regenie.gz --out z");
    let plain = lab
        .text("r.html")
        .replace("o_Y1.regenie", "o_Y1.regenie.gz");
    assert_eq!(
        plain.matches("<tr").count(),
        lab.text("z.html").matches("<tr").count()
    );
}

#[test]
fn lambda_is_that_of_the_chi_squares_of_the_table() {
    let Some(data) = common::data("regenie_example") else {
        return;
    };
    let path = data.join("example.test_bin_out_firth_Y1.regenie");
    let text = std::fs::read_to_string(path).unwrap();
    let mut chi2: Vec<f64> = text
        .lines()
        .skip(1)
        .filter_map(|l| l.split_whitespace().nth(11)?.parse().ok())
        .collect();
    chi2.sort_by(f64::total_cmp);
    let median = 0.5 * (chi2[chi2.len() / 2 - 1] + chi2[chi2.len() / 2]);
    let lab = Lab::new();
    lab.write("o_Y1.regenie", &text);
    let run = lab.succeeds("report o --out r");
    // The table has six digits; the report shows three decimals.
    run.says(&[&format!("λ_GC {:.3}", median / 0.454_936_423_119_572_6)]);
}

#[test]
fn the_same_tables_give_the_same_bytes() {
    let lab = Lab::new();
    lab.write("a_y.regenie", even(&["1", "2", "X"], 200));
    lab.succeeds("report a_y.regenie --out r1");
    lab.succeeds("report a_y.regenie --out r2");
    let (one, two) = (lab.outputs("r1"), lab.outputs("r2"));
    assert!(one.len() == 3 && one == two, "{:?}", one.keys());
}

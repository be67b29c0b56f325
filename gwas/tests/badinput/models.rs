//! Model files, and data that do not fit them.

use super::{Lab, lab};

const FIT: &str = "fit --bfile s --pheno s.pheno.txt --kernel gaussian --lambda 1 --out m";
const PREDICT: &str = "predict --model m.epitile --bfile s --out o";

/// A cohort with a model.
fn fitted(flags: &str) -> Lab {
    let lab = lab();
    lab.succeeds(&format!("{FIT} {flags}"));
    lab
}

#[test]
fn damaged_models_are_refused() {
    let lab = fitted("--embed --save-factor");
    let good = lab.bytes("m.epitile");
    let line = PREDICT.replace("m.epitile", "d");
    let parts = [
        "d: found",
        "expected a model written by 'epitile fit'",
        "fit the model again",
    ];
    for length in [
        0,
        7,
        8,
        9,
        500,
        good.len() / 2,
        good.len() - 8,
        good.len() - 1,
    ] {
        lab.write("d", &good[..length]);
        lab.fails(&line, 6, &parts);
    }
    lab.write("d", [&good[..], b"tail"].concat());
    lab.fails(&line, 6, &parts);
    let garbage: Vec<u8> = (0..5000)
        .map(|i| (super::lab::noise(i) * 256.0) as u8)
        .collect();
    lab.write("d", garbage);
    lab.fails(&line, 6, &parts);
    lab.write("d", lab.bytes("s.bed"));
    lab.fails(&line, 6, &parts);
    // One bit in the last tensors: the embedded genotypes have a checksum.
    let header = 8 + u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    for (at, bit) in [(good.len() - 1, 7), (header + 3, 7)] {
        let mut changed = good.clone();
        changed[at] ^= 1 << bit;
        lab.write("d", changed);
        let run = lab.run(&line);
        assert!([0, 6].contains(&run.code), "byte {at}: {}", run.log);
    }
    std::fs::create_dir(lab.path("folder")).unwrap();
    for (model, why) in [("absent", "no such file"), ("folder", "it is a folder")] {
        let parts = [&*format!("cannot open {model}"), why];
        lab.fails(&PREDICT.replace("m.epitile", model), 3, &parts);
    }
    lab.succeeds(PREDICT);
}

#[test]
fn a_changed_embedded_genotype_is_noticed() {
    let lab = fitted("--embed");
    let good = lab.bytes("m.epitile");
    let header = u64::from_le_bytes(good[..8].try_into().unwrap()) as usize;
    let json: serde_json::Value = serde_json::from_slice(&good[8..8 + header]).unwrap();
    let start = json["genotypes.missing"]["data_offsets"][0]
        .as_u64()
        .unwrap() as usize;
    let some = json["genotypes.some"]["data_offsets"][0].as_u64().unwrap() as usize;
    let mut bytes = good.clone();
    // A dosage 0 of the first individual becomes 1: called, and in one plane only.
    let at = |plane: usize| 8 + header + plane;
    let free = !(bytes[at(some)] | bytes[at(start)]);
    bytes[at(some)] ^= free & free.wrapping_neg();
    assert_ne!(bytes, good, "a dosage 0 among the first SNPs");
    lab.write("m.epitile", bytes);
    lab.fails(PREDICT, 6, &["embedded genotypes with another checksum"]);
}

#[test]
fn models_of_another_format_are_refused_with_both_versions() {
    let lab = fitted("");
    let text = lab.bytes("m.epitile");
    let at = text
        .windows(11)
        .position(|w| w == br#"format\":1,"#)
        .unwrap();
    let mut other = text.clone();
    other[at + 9] = b'8';
    lab.write("m.epitile", other);
    lab.fails(
        PREDICT,
        7,
        &["found a model of format 8", "this version reads format 1"],
    );
}

#[test]
fn too_few_common_snps_are_refused_and_named() {
    let lab = fitted("");
    let mut new = lab.plink("s");
    for snp in &mut new.snps[..12] {
        snp.id.push('x');
    }
    new.snps[20].a1 = "Q".into();
    new.write(&lab, "b");
    let line = PREDICT.replace("--bfile s", "--bfile b");
    let parts = [
        "47 of the model's 60 SNPs (78.3 %) can be used",
        "at least 90.0 %",
        "12 SNPs not in the new data",
        "snp1, snp2, snp3, snp4, snp5, and 7 more",
        "1 SNPs with other alleles",
        "snp21",
    ];
    lab.fails(&line, 7, &parts);
    let run = lab.succeeds(&format!("{line} --min-overlap 0.78"));
    run.says(&[
        "47 of the model's 60 SNPs are used",
        "imputed with the model's mean",
    ]);
    for (value, shown) in [("1.1", "1.1"), ("-0.1", "-0.1"), ("nan", "NaN")] {
        let line = format!("{line} --min-overlap={value}");
        lab.fails(
            &line,
            8,
            &[&*format!("--min-overlap {shown}"), "between 0 and 1"],
        );
    }
}

#[test]
fn without_common_snps_everybody_has_the_prediction_of_the_mean() {
    let lab = fitted("");
    let mut new = lab.plink("s");
    for snp in &mut new.snps {
        snp.id.push('x');
    }
    new.write(&lab, "b");
    let line = PREDICT.replace("--bfile s", "--bfile b");
    lab.fails(&line, 7, &["0 of the model's 60 SNPs (0.0 %) can be used"]);
    lab.succeeds(&format!("{line} --min-overlap 0 --interval"));
    let rows = lab.rows("o.sscore");
    for row in &rows[1..] {
        assert_eq!(row[2..], rows[1][2..]);
        assert!(
            row[2..]
                .iter()
                .all(|v| v.parse::<f64>().is_ok_and(f64::is_finite))
        );
    }
}

#[test]
fn individuals_that_are_wholly_imputed_are_predicted_as_numbers() {
    let lab = fitted("");
    let mut new = lab.plink("s");
    for calls in &mut new.calls {
        calls[3] = None;
    }
    new.write(&lab, "b");
    lab.succeeds(&PREDICT.replace("--bfile s", "--bfile b"));
    let value: f64 = lab.rows("o.sscore")[4][2].parse().unwrap();
    assert!(value.is_finite());
}

#[test]
fn covariates_of_the_model_must_be_given_for_new_individuals() {
    let lab = lab();
    let site = |i: usize| ["north", "south", "west"][i % 3];
    let line = |i: usize| format!("id{0} id{0} {1} {2}\n", i + 1, 37 * i % 50, site(i));
    let body: String = (0..50).map(line).collect();
    lab.write("c", format!("FID IID age site\n{body}"));
    lab.succeeds(&format!("{FIT} --covar c --cat-covar site"));
    lab.fails(
        PREDICT,
        8,
        &["age, site=south, site=west", "found no --covar"],
    );
    let given = format!("{PREDICT} --covar d");
    lab.fails(&given, 3, &["cannot open d"]);
    lab.write("d", lab.text("c").replace("age", "years"));
    lab.fails(
        &given,
        7,
        &["needs the covariate age", "the columns are years, site"],
    );
    lab.write("d", lab.text("c").replace("7 west", "7 east"));
    lab.fails(
        &given,
        7,
        &["d, line", "level 'east'", "it knows north, south, west"],
    );
    lab.write(
        "d",
        lab.text("c")
            .replace("id4 id4", "no one")
            .replace("id6 id6 35", "id6 id6 NA"),
    );
    let run = lab.succeeds(&given);
    run.says(&["WARNING: 2 individuals lack covariates: their predictions are NA"]);
    let predicted = lab.column("o.sscore", "y1_PRED");
    for (who, y) in predicted {
        let lost = ["id4 id4", "id6 id6"].contains(&who.as_str());
        assert_eq!(y == "NA", lost, "{who}: {y}");
    }
    lab.write("d", lab.text("c").replace("id", "x"));
    lab.fails(&given, 7, &["none of its 50 individuals"]);
    // The kernel's covariates are needed as well.
    let inside = "--covar c --kernel-covar age --kernel-covar-weight 2";
    lab.succeeds(&format!("{FIT} {inside}"));
    lab.fails(PREDICT, 8, &["age", "found no --covar"]);
    lab.succeeds(&format!("{PREDICT} --covar c"));
}

#[test]
fn training_genotypes_that_are_gone_are_asked_for() {
    let lab = fitted("");
    for end in ["bed", "bim", "fam"] {
        let [from, to] = ["s", "moved"].map(|p| lab.path(&format!("{p}.{end}")));
        std::fs::rename(from, to).unwrap();
    }
    let line = PREDICT.replace("--bfile s", "--bfile moved");
    lab.fails(&line, 3, &["cannot open s.fam", "--train-bfile"]);
    lab.fails(
        &format!("{line} --train-bfile absent"),
        3,
        &["cannot open absent.fam"],
    );
    lab.succeeds(&format!("{line} --train-bfile moved"));
}

#[test]
fn training_genotypes_that_changed_are_refused() {
    let lab = fitted("");
    let set = lab.plink("s");
    let line = format!("{PREDICT} --train-bfile b");
    let mut changed = set.clone();
    let call = changed.calls[30][17];
    changed.calls[30][17] = if call == Some(1) { None } else { Some(1) };
    changed.write(&lab, "b");
    lab.fails(
        &line,
        7,
        &[
            "b: found other calls than the model was trained on",
            "checksums",
        ],
    );
    let mut changed = set.clone();
    changed.samples[8].iid = "x".into();
    changed.write(&lab, "b");
    lab.fails(
        &line,
        7,
        &["b: found no individual 'id9 id9'", "--train-bfile"],
    );
    let mut changed = set.clone();
    changed.snps[8].id = "x".into();
    changed.write(&lab, "b");
    lab.fails(
        &line,
        7,
        &["b: found other SNPs than the model was trained on", "snp9"],
    );
    // Other individuals and SNPs besides do not matter, nor does the order.
    let mut more = set.clone();
    more.push("more", |i| Some((i % 3) as u8));
    let order = super::lab::shuffled(61);
    more.select(&order).write(&lab, "b");
    lab.succeeds(&line);
}

//! The page in a real browser, on a desktop, on a phone and in print.

use serde_json::Value;

use crate::browser::Browser;
use crate::lab::Lab;
use crate::{HEADER, even, line};

/// A report with everything in it.
fn full() -> Lab {
    let lab = Lab::with_cohort("--samples 120 --snps 200 --traits 2");
    let kernels = "--kernel linear,gaussian --gamma-scale 0.5,1,2 --lambda 0.3,1,3";
    lab.succeeds(&format!(
        "cv --bfile s --pheno s.pheno.txt --folds 4 {kernels} --out cv"
    ));
    let solve = "--kernel gaussian --lambda 0.5 --precision adaptive --deflation 4 --tile 16";
    lab.succeeds(&format!(
        "fit --bfile s --pheno s.pheno.txt {solve} --out f"
    ));
    lab.succeeds("predict --model f.epitile --bfile s --interval --out p");
    let chromosomes: Vec<String> = (1..=22).map(|k| k.to_string()).collect();
    let mut names: Vec<&str> = chromosomes.iter().map(String::as_str).collect();
    names.extend(["X", "Y", "MT"]);
    let mut table = even(&names, 97);
    table += &line("X", 40_000_000, "a-name-that-is-long<&>\"'", "323.7");
    table += &line("3", 40_000_000, "none", "NA");
    lab.write("a_y1.regenie", table);
    lab.write(
        "a_y2.regenie",
        format!("{HEADER}{}", line("7", 5, "only", "1.5")),
    );
    lab.write(
        "a_y3.regenie",
        format!("{HEADER}{}", line("7", 5, "none", "NA")),
    );
    lab.write(
        "v.varcomp.tsv",
        "SOURCE\tVARIANCE\tSE\tPROPORTION\tSE_PROPORTION\nlinear:std\t0.4\t0.1\t0.4\t0.08\n\
         grm^2\t0\tNA\t0\tNA\nresidual\t0.6\t0.05\t0.6\t0.05\ntotal\t1\t0.1\t1\tNA\n",
    );
    lab.succeeds("report a v cv f p --pheno s.pheno.txt --out report.html");
    lab
}

#[track_caller]
fn list(value: &Value) -> Vec<String> {
    let texts = value.as_array().unwrap_or_else(|| panic!("{value}")).iter();
    texts.map(|v| v.as_str().unwrap().to_owned()).collect()
}

/// Figures without a table, pictures without title or text, and names that occur twice.
const ACCESS: &str = r#"(() => {
    const bad = [];
    for (const a of document.querySelectorAll('article'))
        if (a.querySelector('svg') && !a.querySelector('.numbers tbody tr'))
            bad.push('no table: ' + a.querySelector('h3').textContent);
    for (const s of document.querySelectorAll('svg')) {
        if (s.getAttribute('role') !== 'img') bad.push('role');
        for (const id of s.getAttribute('aria-labelledby').split(' ')) {
            const e = document.getElementById(id);
            if (!e || !s.contains(e) || !e.textContent.trim()) bad.push('no text: ' + id);
        }
    }
    const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
    for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) bad.push('twice: ' + id);
    for (const a of document.querySelectorAll('nav a'))
        if (!document.getElementById(decodeURIComponent(a.hash.slice(1)))) bad.push('link ' + a.hash);
    for (const t of document.querySelectorAll('table'))
        if (!t.querySelector('thead th[scope=col]')) bad.push('table without header');
    if (document.documentElement.lang !== 'en') bad.push('language');
    return bad;
})()"#;

/// Text with less contrast than 4.5 : 1 (WCAG 2.2, 1.4.3).
const CONTRAST: &str = r#"(() => {
    const light = c => {
        const v = c.match(/[\d.]+/g).map(Number);
        const l = v.slice(0, 3).map(x => x / 255).map(
            x => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
        return v[3] === 0 ? null : 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2];
    };
    const bad = new Set();
    for (const e of document.querySelectorAll('h1,h2,h3,p,a,th,td,caption,figcaption')) {
        let behind = 1, at = e;
        while (at) {
            const l = light(getComputedStyle(at).backgroundColor);
            if (l !== null) { behind = l; break; }
            at = at.parentElement;
        }
        const own = light(getComputedStyle(e).color);
        const ratio = (Math.max(own, behind) + 0.05) / (Math.min(own, behind) + 0.05);
        if (ratio < 4.5) bad.add(e.tagName + ' ' + ratio.toFixed(2));
    }
    return [...bad];
})()"#;

/// Smallest text of the pictures that are shown, in CSS pixels, and their number.
const LETTERS: &str = r#"(() => {
    let least = 99, shown = 0;
    for (const s of document.querySelectorAll('svg')) {
        const width = s.getBoundingClientRect().width;
        if (width === 0) continue;
        shown += 1;
        for (const t of s.querySelectorAll('text')) {
            const size = parseFloat(t.getAttribute('font-size'));
            least = Math.min(least, size * width / s.viewBox.baseVal.width);
        }
    }
    return [least, shown];
})()"#;

/// Texts of shown pictures that leave the picture.
const CUT: &str = r#"(() => {
    const bad = [];
    for (const s of document.querySelectorAll('svg')) {
        const box = s.getBoundingClientRect();
        if (box.width === 0) continue;
        for (const t of s.querySelectorAll('text')) {
            const b = t.getBoundingClientRect();
            if (b.left < box.left - 1 || b.right > box.right + 1 || b.top < box.top - 1
                || b.bottom > box.bottom + 1) bad.push(t.textContent);
        }
    }
    return bad;
})()"#;

#[test]
fn the_page_is_quiet_and_readable_on_every_medium() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let lab = full();
    let shots = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let mut shown = Vec::new();
    for (name, width, height) in [("desktop", 1280, 900), ("phone", 390, 844)] {
        browser.resize(width, height);
        browser.open(&lab.path("report.html"));
        assert_eq!(browser.complaints(), [""; 0], "{name}");
        assert_eq!(browser.requests(), [""; 0], "{name}");
        let across = browser.evaluate("document.documentElement.scrollWidth");
        assert!(
            across.as_u64().unwrap() <= u64::from(width),
            "{name}: {across} wide"
        );
        let letters = browser.evaluate(LETTERS);
        assert!(letters[0].as_f64().unwrap() >= 9.0, "{name}: {letters}");
        shown.push(letters[1].as_u64().unwrap());
        assert_eq!(list(&browser.evaluate(CUT)), [""; 0], "{name}");
        assert_eq!(list(&browser.evaluate(ACCESS)), [""; 0], "{name}");
        assert_eq!(list(&browser.evaluate(CONTRAST)), [""; 0], "{name}");
        let shot = browser.screenshot();
        assert!(shot.starts_with(b"\x89PNG"));
        std::fs::write(shots.join(format!("report-{name}.png")), shot).unwrap();
    }
    // Two Manhattan and QQ plots, two cross-validations, predictions of two kernels and of new
    // individuals for two traits, variance, a tile map, times of three runs.
    assert_eq!(shown, [4 + 2 + 4 + 2 + 1 + 1 + 3; 2]);
    // A4 with the page's margins.
    browser.medium("print");
    browser.resize(680, 1000);
    let across = browser.evaluate("document.documentElement.scrollWidth");
    assert!(across.as_u64().unwrap() <= 680, "print: {across} wide");
    let pdf = browser.print();
    assert!(pdf.starts_with(b"%PDF-"));
    std::fs::write(shots.join("report-print.png"), browser.screenshot()).unwrap();
    std::fs::write(shots.join("report.pdf"), pdf).unwrap();
}

#[test]
fn single_pictures_stand_by_themselves() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let lab = Lab::new();
    lab.write("a_y.regenie", even(&["1", "2"], 50));
    lab.succeeds("report a_y.regenie --out r");
    browser.resize(1280, 900);
    for name in ["manhattan", "qq"] {
        browser.open(&lab.path(&format!("r.a_y.{name}.svg")));
        assert_eq!(browser.complaints(), [""; 0], "{name}");
        assert_eq!(browser.requests(), [""; 0], "{name}");
        let root = browser.evaluate("document.documentElement.querySelectorAll('circle').length");
        assert!(root.as_u64().unwrap() > 20, "{name}: {root}");
    }
}

#[test]
fn what_the_browser_watches_would_be_seen() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let lab = Lab::new();
    lab.write(
        "bad.html",
        "<!DOCTYPE html><img src=absent.png><script>console.error('no'); undefined_name()</script>",
    );
    browser.open(&lab.path("bad.html"));
    let requests = browser.requests();
    assert!(
        requests.iter().any(|r| r.ends_with("absent.png")),
        "{requests:?}"
    );
    let complaints = browser.complaints().join("\n");
    assert!(complaints.contains("undefined_name") && complaints.contains("consoleAPICalled"));
}

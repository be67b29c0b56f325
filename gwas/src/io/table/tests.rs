use super::*;
use crate::io::scratch;

fn samples(ids: &[(&str, &str)]) -> Vec<Sample> {
    ids.iter().map(|(f, i)| Sample::new(*f, *i)).collect()
}

fn table(text: &str, layout: Layout<'_>) -> Result<Table> {
    Table::read(scratch(text.as_bytes()).path(), layout)
}

#[test]
fn headers_of_both_plinks_are_understood() {
    for head in ["FID IID y z", "#FID\tIID\ty\tz\r", "\u{feff}fid iid y z"] {
        let t = table(&format!("{head}\na b 1 2\n"), Layout::Header).unwrap();
        assert_eq!((t.columns.join("+"), t.by_iid), ("y+z".into(), false));
        assert_eq!(
            (t.rows[0].name(), t.rows[0].cells()),
            ("a b".into(), vec!["1", "2"])
        );
    }
    let t = table("#IID y\nb 1\n", Layout::Header).unwrap();
    assert!(t.by_iid);
    let (rows, _) = t.align(&samples(&[("x", "c"), ("y", "b")])).unwrap();
    assert_eq!(rows, [None, Some(0)]);
    let error = t.align(&samples(&[("x", "b"), ("y", "b")])).unwrap_err();
    assert!(error.to_string().contains("(x b and y b)"), "{error}");
}

#[test]
fn a_header_may_be_absent_where_the_columns_are_known() {
    let t = table("a b 3\n", Layout::Columns(&["fold"])).unwrap();
    assert_eq!((t.columns, t.rows.len()), (vec!["fold".to_owned()], 1));
    let t = table("a b more\na b\n", Layout::List).unwrap();
    assert_eq!(t.rows.len(), 2);
}

#[test]
fn broken_tables_are_refused_with_their_line() {
    for (text, layout, part) in [
        (
            "a b 1\n",
            Layout::Header,
            "line 1: found the line 'a b 1'; expected a header",
        ),
        ("FID x\n", Layout::Header, "expected a header"),
        ("FID IID y y\n", Layout::Header, "two columns named 'y'"),
        (
            "FID IID y\na b\n",
            Layout::Header,
            "line 2: found 2 cells; expected 3: FID IID y",
        ),
        (
            "FID IID y\na b 1 2\n",
            Layout::Header,
            "line 2: found 4 cells",
        ),
        (
            "a\n",
            Layout::List,
            "line 1: found 1 cells; expected at least 2: FID IID",
        ),
        ("", Layout::List, "an empty file"),
    ] {
        let error = table(text, layout).unwrap_err();
        assert_eq!(error.exit_code(), 6);
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = table("FID IID y\na b 1\na b 2\n", Layout::Header).unwrap_err();
    assert_eq!(error.exit_code(), 7);
    assert!(error.to_string().contains("a b (lines 2 and 3)"), "{error}");
}

#[test]
fn who_is_lost_is_counted_and_named() {
    let t = table("FID IID y\na b 1\na c 1\n", Layout::Header).unwrap();
    let (rows, overlap) = t.align(&samples(&[("a", "d"), ("a", "c")])).unwrap();
    assert_eq!(rows, [None, Some(1)]);
    assert_eq!(
        overlap.describe("phenotypes"),
        "phenotypes: 1 individuals in common, 1 only in the file (a b), 1 only in the \
         genotypes (a d)"
    );
    let error = t.align(&samples(&[("1", "b")])).unwrap_err();
    assert_eq!(error.exit_code(), 7);
    assert!(
        error
            .to_string()
            .contains("first there: '1 b'; first here: 'a b'"),
        "{error}"
    );
}

#[test]
fn columns_are_chosen_by_names_and_ranges() {
    let t = table(
        "FID IID PC1 PC2 PC3 sex a-b\na b 1 2 3 4 5\n",
        Layout::Header,
    )
    .unwrap();
    assert_eq!(
        t.select("sex,PC1-PC3", "--covar-name").unwrap(),
        [3, 0, 1, 2]
    );
    assert_eq!(t.select("sex-a-b, sex", "--covar-name").unwrap(), [3, 4]);
    assert_eq!(t.select("a-b", "--covar-name").unwrap(), [4]);
    let error = t.select("age", "--covar-name").unwrap_err();
    assert_eq!(error.exit_code(), 8);
    assert!(
        error
            .to_string()
            .contains("no column 'age'; its columns are PC1, PC2")
    );
    assert!(t.select("PC3-PC1", "--covar-name").is_err());
    assert!(t.select(" ,", "--covar-name").is_err());
}

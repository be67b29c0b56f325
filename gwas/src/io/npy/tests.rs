use super::*;
use crate::io::scratch;

fn file(version: u8, header: &str, values: &[f64]) -> Vec<u8> {
    let mut bytes = [MAGIC.as_slice(), &[version, 0]].concat();
    match version {
        1 => bytes.extend((header.len() as u16).to_le_bytes()),
        _ => bytes.extend((header.len() as u32).to_le_bytes()),
    }
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
    bytes
}

#[test]
fn a_matrix_comes_back_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.npy");
    let mut out = Writer::create(&path, 2, 3).unwrap();
    for i in [0.0, 10.0] {
        out.row(&[i, i + 1.0, i + 2.0].map(|x| x / 3.0)).unwrap();
    }
    out.into_file().commit().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(bytes.len(), 128 + 6 * 8);
    assert_eq!(bytes[127], b'\n');
    let m = read(&path).unwrap();
    assert_eq!((m.rows, m.columns), (2, 3));
    let expected = [0.0, 10.0, 1.0, 11.0, 2.0, 12.0].map(|x| x / 3.0);
    assert_eq!(m.values, expected);
}

#[test]
fn both_orders_all_versions_and_vectors_are_read() {
    let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
    for (version, header, shape, second) in [
        (
            1,
            "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }\n",
            (2, 3),
            4.0,
        ),
        (
            2,
            "{'descr': '<f8', 'fortran_order': True, 'shape': (2, 3)}",
            (2, 3),
            2.0,
        ),
        (
            3,
            "{\"shape\":(6,),\"fortran_order\":False,\"descr\":\"<f8\"}",
            (6, 1),
            2.0,
        ),
    ] {
        let m = read(scratch(&file(version, header, &x)).path()).unwrap();
        assert_eq!((m.rows, m.columns), shape);
        assert_eq!(m.values[1], second);
    }
    let header = "{'descr': '<f8', 'fortran_order': False, 'shape': (0, 3)}";
    assert!(
        read(scratch(&file(1, header, &[])).path())
            .unwrap()
            .values
            .is_empty()
    );
}

#[test]
fn files_that_hold_no_such_matrix_are_refused() {
    let head = |descr: &str, shape: &str| {
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
    };
    let huge = "(18446744073709551615, 18446744073709551615)";
    let mut long = file(2, "", &[]);
    long[8..12].fill(0xff);
    for (bytes, part) in [
        (b"PK\x03\x04".to_vec(), "no header of a .npy"),
        (Vec::new(), "no header"),
        (MAGIC.to_vec(), "no header"),
        (long, "no header"),
        (file(9, "", &[]), "no header"),
        (file(1, "{}", &[]), "the header '{}'"),
        (file(1, &head("<f4", "(1, 1)"), &[1.0]), "'<f8' (float64"),
        (file(1, &head("|O", "(1, 1)"), &[1.0]), "'<f8' (float64"),
        (file(1, &head("<f8", "(1, 1, 1)"), &[1.0]), "the shape"),
        (file(1, &head("<f8", "()"), &[1.0]), "the shape"),
        (file(1, &head("<f8", "(-1, 2)"), &[1.0]), "the shape"),
        (
            file(1, &head("<f8", huge), &[1.0]),
            "found 8 bytes of values",
        ),
        (
            file(1, &head("<f8", "(2, 2)"), &[1.0; 3]),
            "8 for each of 2 × 2",
        ),
        (
            file(1, &head("<f8", "(1, 2)"), &[1.0, f64::NAN]),
            "the value NaN",
        ),
    ] {
        let error = read(scratch(&bytes).path()).unwrap_err();
        assert_eq!(error.exit_code(), 6);
        assert!(error.to_string().contains(part), "{error}");
    }
}

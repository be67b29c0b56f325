//! Small files, byte by byte.

use super::*;
use crate::io::scratch;

/// 5 individuals × 3 SNPs.
const BYTES: &[u8] = &[
    0x6c,
    0x1b,
    1,
    0b11_10_01_00,
    0b10,
    0xff,
    0b11,
    0b01_01_01_01,
    0b01,
];

#[test]
fn codes_become_dosages_of_the_first_allele() {
    let file = scratch(BYTES);
    let mut bed = Bed::open(file.path(), 5, 3).unwrap();
    let mut seen = Vec::new();
    bed.visit(&[2, 0, 1], |k, calls| {
        seen.push((k, (0..5).map(|i| calls.call(i)).collect::<Vec<_>>()));
        Ok(())
    })
    .unwrap();
    let expected = vec![
        (0, vec![None; 5]),
        (1, vec![Some(2), None, Some(1), Some(0), Some(1)]),
        (2, vec![Some(0); 5]),
    ];
    assert_eq!(seen, expected);
    bed.visit(&[0], |_, calls| {
        let counts = calls.count(&[0, 2, 4]);
        assert_eq!((counts.dosage, counts.missing), ([0, 2, 1], 0));
        Ok(())
    })
    .unwrap();
}

#[test]
fn files_larger_than_the_buffer_are_read_in_parts() {
    let (samples, snps) = (4 * 70_000, 40);
    let mut bytes = MAGIC.to_vec();
    for m in 0..snps {
        bytes.extend(vec![m as u8; 70_000]);
    }
    let file = scratch(&bytes);
    let mut bed = Bed::open(file.path(), samples, snps).unwrap();
    let all: Vec<u32> = (0..snps as u32).collect();
    let mut visited = 0;
    bed.visit(&all, |k, calls| {
        assert!(calls.0.iter().all(|&b| b == k as u8));
        visited += 1;
        Ok(())
    })
    .unwrap();
    assert_eq!(visited, snps);
}

#[test]
fn sizes_that_do_not_fit_are_told_with_both_numbers() {
    let file = scratch(BYTES);
    for (n, m, part) in [
        (
            5,
            4,
            "9 bytes found, but 5 individuals (.fam) × 4 SNPs (.bim) take 11 bytes; for 5 individuals it holds 3 SNPs",
        ),
        (9, 2, "for 9 individuals it holds 2 SNPs"),
        (16, 3, "it holds 1 SNPs and 2 bytes too many"),
        (0, 3, "there are no individuals"),
    ] {
        match Bed::open(file.path(), n, m) {
            Err(error) => {
                assert_eq!(error.exit_code(), 7);
                assert!(error.to_string().contains(part), "{error}");
            }
            Ok(_) => assert_eq!((n, m), (9, 2)),
        }
    }
}

#[test]
fn calls_after_the_last_individual_are_told() {
    let bytes = [0x6c, 0x1b, 1, 0b11_10_01_00, 0b01_11];
    let all = |samples| {
        let mut bed = Bed::open(scratch(&bytes).path(), samples, 1).unwrap();
        bed.visit(&[0], |_, _| Ok(()))
    };
    assert!(all(6).is_ok());
    let error = all(5).unwrap_err();
    assert_eq!(error.exit_code(), 6);
    let text = error.to_string();
    for part in [
        "byte 4",
        "SNP 1 ",
        "zeros after 5 individuals",
        "lacks rows",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn other_heads_are_refused_with_the_bytes_found() {
    for (bytes, part) in [
        (&b"\x6c\x1b\x00abc"[..], "sample-major"),
        (b"\x6c\x1b", "a file of 2 bytes"),
        (b"", "a file of 0 bytes"),
        (b"chr1\t0", "the bytes 63 68 72"),
    ] {
        let error = Bed::open(scratch(bytes).path(), 1, 3).unwrap_err();
        assert_eq!(error.exit_code(), 6);
        assert!(error.to_string().contains(part), "{error}");
    }
}

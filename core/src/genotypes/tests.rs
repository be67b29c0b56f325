//! Calls in, planes inside, calls out.

use super::*;

fn call(i: usize, m: usize) -> Option<u8> {
    match (i * 7 + m * 5 + i * m) % 11 {
        0 => None,
        r => Some((r % 3) as u8),
    }
}

#[test]
fn calls_survive_the_transposition_across_segment_borders() {
    let (n, sizes) = (13, [1, 63, 64, 65, 0, 513]);
    let mut b = GenotypeBuilder::new(n);
    let mut m = 0;
    for (s, &size) in sizes.iter().enumerate() {
        b.segment(alloc::format!("{s}"));
        for _ in 0..size {
            b.push((0..n).map(|i| call(i, m)));
            m += 1;
        }
    }
    let g = b.finish();
    assert_eq!(g.snps(), m);
    assert!(g.segments().iter().all(|s| s.words.len() % 8 == 0));
    for i in 0..n {
        for m in 0..m {
            assert_eq!(g.dosage(i, m), call(i, m), "individual {i}, SNP {m}");
        }
        let missing: Vec<usize> = g.missing_snps(i).map(|(m, _, _)| m).collect();
        let expected: Vec<usize> = (0..m).filter(|&m| call(i, m).is_none()).collect();
        assert_eq!(missing, expected);
    }
    let plane = |f: fn(&Genotypes, usize) -> Vec<u64>| (0..n).flat_map(|i| f(&g, i)).collect();
    let names: Vec<_> = g
        .segments()
        .iter()
        .map(|s| (s.name.clone(), s.snps.len()))
        .collect();
    let some: Vec<u64> = plane(|g, i| g.some(i).to_vec());
    let two: Vec<u64> = plane(|g, i| g.two(i).to_vec());
    let missing = Some(plane(|g, i| g.missing(i).unwrap_or(&[]).to_vec()));
    let stored = Genotypes::from_planes(n, &names, some.clone(), two, missing);
    assert_eq!(stored, Ok(g.clone()));
    let wrong = Genotypes::from_planes(n, &names, some.clone(), vec![u64::MAX; some.len()], None);
    assert_eq!(wrong, Err("calls contradict each other"));
    let rows = [4, 2, 2, 12];
    let s = g.select(&rows);
    assert_eq!(s.dosage(1, 70), call(2, 70));
    assert_eq!(
        s.counts()[5].observed() + u64::from(s.counts()[5].missing),
        4
    );
}

#[test]
fn an_empty_set_has_no_words() {
    let g = GenotypeBuilder::new(4).finish();
    assert_eq!(
        (g.samples(), g.snps(), g.words(), g.has_missing()),
        (4, 0, 0, false)
    );
}

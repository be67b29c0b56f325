//! Views, bytes and scales.

use super::*;
use crate::round;

#[test]
fn a_strided_view_reads_what_its_owner_wrote() {
    let stored: Vec<f32> = (0..20).map(|i| i as f32).collect();
    let view = TileRef::new((3, 4, 5), Precision::F32, 1, bytemuck::cast_slice(&stored));
    let mut out = [0.0; 12];
    view.read_f64(&mut out);
    assert_eq!(out[..6], [0.0, 2.0, 4.0, 10.0, 12.0, 14.0]);
    assert_eq!(view.to_tile().to_f64(), out);
}

#[test]
fn bytes_round_trip_in_every_precision() {
    let values: Vec<f64> = (0..15).map(|i| f64::from(i - 7) * 0.37).collect();
    for p in Precision::ALL {
        let t = Tile::from_f64(5, 3, &values, p, -2);
        assert_eq!(Tile::from_bytes(5, 3, p, -2, t.bytes()), Some(t.clone()));
        assert_eq!(Tile::from_bytes(5, 2, p, -2, t.bytes()), None);
        for (v, r) in values.iter().zip(t.to_f64()) {
            assert_eq!(round::round(v * 4.0, p) / 4.0, r, "{p}");
        }
    }
}

#[test]
fn the_natural_scale_fills_the_range_without_overflow() {
    for i in 1..2000 {
        let max = f64::from(i) * 1.37e-7;
        for p in [Precision::F8E4M3, Precision::F8E5M2] {
            let stored = max / exp2(natural_scale(max, p));
            assert!(stored <= p.format().max && stored > p.format().max / 2.0);
        }
        let stored = max / exp2(natural_scale(max, Precision::F16));
        assert!((8.0..16.0).contains(&stored));
    }
}

#[test]
fn extreme_scales_do_not_lose_the_value() {
    let t = Tile::from_f64(1, 1, &[exp2(-1070)], Precision::F16, -1070);
    assert_eq!(t.to_f64(), [exp2(-1070)]);
}

#[test]
#[should_panic(expected = "leading dimension")]
fn a_view_with_overlapping_columns_is_a_bug() {
    TileRef::new((3, 2, 2), Precision::I8, 0, &[0; 8]);
}

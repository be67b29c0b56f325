//! Products of tiles in E4M3: made as such where the device, the sizes and the orientation allow, else
//! widened, and within the same bounds.

use epitile_core::backend::{Backend, Trans};
use epitile_core::conformance::sample::Sample;
use epitile_core::conformance::{gemm, require};
use epitile_core::precision::Precision;

mod fake;

use fake::cuda;

const E4M3: Precision = Precision::F8E4M3;

/// Started by the tests below: C − A·Bᵀ on tiles in E4M3, of the size named in the environment.
#[test]
#[ignore = "the tests start it"]
fn one_product() {
    let size = std::env::var("SIZE").unwrap().parse().unwrap();
    let mut sample = Sample::new(1);
    let a = cuda().upload(sample.operand((size, 64), E4M3).as_ref());
    let b = cuda().upload(sample.operand((32, 64), E4M3).as_ref());
    let c = sample.accumulator((size, 32), Precision::F32, 0);
    let (a, b, mut c) = (a.unwrap(), b.unwrap(), cuda().upload(c.as_ref()).unwrap());
    cuda()
        .gemm(-1.0, (&a, Trans::No), (&b, Trans::Yes), &mut c)
        .unwrap();
    cuda().synchronize().unwrap();
}

/// Whether the device is given a product and nothing else: the second piece of work would fail.
fn is_one_launch(size: usize, capability: &str, minor: &str) -> bool {
    let size = size.to_string();
    let variables = [
        ("SIZE", size.as_str()),
        ("FAKE_CAPABILITY", capability),
        ("FAKE_MINOR", minor),
        ("FAKE_FAIL_LAUNCH", "2"),
    ];
    fake::child("one_product", &variables).status.success()
}

#[test]
fn products_of_8_bits_are_one_call_from_ada_on_and_widened_before() {
    assert!(is_one_launch(48, "9", "0"));
    assert!(is_one_launch(48, "8", "9"));
    assert!(!is_one_launch(48, "8", "6"));
    // Sizes that are no multiples of 16.
    assert!(!is_one_launch(40, "9", "0"));
}

#[test]
fn updates_of_a_factor_in_8_bits_are_within_their_bound() {
    let mut sample = Sample::new(2);
    for (m, n, k) in [(16, 16, 16), (64, 32, 48), (32, 64, 256), (40, 32, 64)] {
        for to in [Precision::F32, Precision::F64] {
            let a = sample.operand((m, k), E4M3);
            let b = sample.operand((n, k), E4M3);
            let c = sample.accumulator((m, n), to, 0);
            let (a, b) = ((&a, Trans::No), (&b, Trans::Yes));
            require(gemm::holds(cuda(), -1.0, a, b, &c));
        }
    }
}

#[test]
fn adaptive_plans_may_hold_8_bits_where_they_are_multiplied() {
    assert_eq!(cuda().formats()[0], E4M3);
}

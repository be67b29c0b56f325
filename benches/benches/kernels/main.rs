//! Every kernel of the CPU backend, one by one, and the factorisation made of them.

#![forbid(unsafe_code)]

mod algebra;
mod convert;
mod factor;
mod inputs;
mod kernel;
mod pairs;
mod panel;

use std::time::Duration;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    pairs::bench(&mut criterion);
    kernel::bench(&mut criterion);
    convert::bench(&mut criterion);
    algebra::bench(&mut criterion);
    panel::bench(&mut criterion);
    factor::bench(&mut criterion);
    criterion.final_summary();
}

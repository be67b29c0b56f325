//! Whether a run fits in a GPU's memory, and words for what would fit.

use epitile::backend::gpu_memory;
use epitile::error::{Error, Result};
use epitile::run::RunLog;
use epitile_cuda::memory::Sizes;

use super::Plan;
use super::room::{mib, share};

/// Tells the estimate for this machine's GPU, and refuses what cannot fit in it.
pub(super) fn check(plan: &Plan, log: &RunLog) -> Result<()> {
    let (memory, cheapest) = gpu_memory()?;
    let estimate = judge(plan, memory, cheapest)?;
    log.say(estimate.text);
    log.set("gpu_memory_estimate_bytes", estimate.least.into());
    Ok(())
}

/// What is told.
#[derive(Debug)]
struct Told {
    text: String,
    least: u64,
}

/// The estimate for a GPU with `memory` (free, all), where plans may choose numbers of `cheapest` bytes.
fn judge(plan: &Plan, memory: (usize, usize), cheapest: usize) -> Result<Told> {
    let of = |number| {
        let sizes = Sizes {
            number,
            ..plan.gpu.clone()
        };
        sizes.estimate(memory)
    };
    // Which formats a policy will choose is seen when the norms are there.
    let number = match plan.chooses {
        true => cheapest,
        false => plan.gpu.number,
    };
    let (least, free) = (of(number), memory.0 as u64);
    if least.total() > free {
        return Err(refusal(plan, number, (least.total(), free), &of));
    }
    let most = of(plan.gpu.number).total();
    let range = match plan.chooses && most > least.total() {
        true => format!(
            ", up to {} if the plan chooses only wide formats",
            mib(most)
        ),
        false => String::new(),
    };
    let text = format!(
        "GPU memory estimate: {} MiB{range} (genotypes {}, pair statistics {}, factors {}, \
         right-hand sides, tiles and libraries {}) of {} MiB free",
        mib(least.total()),
        mib(least.genotypes),
        mib(least.pairs),
        mib(least.factors),
        mib(least.work),
        mib(free)
    );
    let least = least.total();
    Ok(Told { text, least })
}

/// What a run that does not fit is told.
fn refusal(
    plan: &Plan,
    number: usize,
    (needed, free): (u64, u64),
    of: &dyn Fn(usize) -> epitile_cuda::memory::Estimate,
) -> Error {
    let mut remedies = Vec::new();
    if plan.gpu.factors > 0 {
        let narrower = [(4, "f32"), (2, "uniform:f16"), (1, "uniform:f8e4m3")];
        let fits = |&&(bytes, _): &&(usize, &str)| bytes < number && of(bytes).total() <= free;
        if let Some((_, name)) = narrower.iter().find(fits) {
            remedies.push(format!("--precision {name}"));
        }
    }
    if plan.gpu.factors > 1 || plan.gpu.threads > 1 {
        let one = Sizes {
            number,
            threads: 1,
            factors: plan.gpu.factors.min(1),
            ..plan.gpu.clone()
        };
        if one.estimate((free as usize, free as usize)).total() <= free {
            remedies.push("--threads 1".to_owned());
        }
    }
    // What does not grow with the individuals, and what grows with their square.
    let mut none = plan.gpu.clone();
    (none.samples, none.planes, none.pairs, none.factors) = (0, 0, Vec::new(), 0);
    none.number = number;
    let fixed = none.estimate((free as usize, free as usize)).total();
    let squared = of(number).factors + of(number).pairs;
    let linear = needed.saturating_sub(squared + fixed);
    let part = share(squared, linear, free.saturating_sub(fixed));
    remedies.push(match (100.0 * part).floor() {
        percent if percent >= 1.0 => format!("about {percent:.0} % of the individuals"),
        _ => "a GPU with more memory".to_owned(),
    });
    remedies.push("--backend cpu".to_owned());
    let last = remedies.pop().unwrap_or_default();
    let others = remedies.iter().map(|r| format!("{r}, "));
    Error::memory(format!(
        "the run needs about {} MiB of the GPU's memory, {} MiB are free; what would fit: {}or {last}",
        mib(needed),
        mib(free),
        others.collect::<String>(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Computation;
    use crate::cli::memory::Shape;
    use clap::{Args, Command, FromArgMatches};
    use epitile_core::kernel::Kernel;

    const GB: usize = 1_000_000_000;

    /// 305,880 individuals and 43,333 SNPs, five traits.
    fn biobank(precision: &str) -> Plan {
        let command = Computation::augment_args(Command::new("test"));
        let words = [
            "test",
            "--precision",
            precision,
            "--threads",
            "16",
            "--backend",
            "cuda",
        ];
        let matches = command.get_matches_from(words);
        let computation = Computation::from_arg_matches(&matches).unwrap();
        let shape = Shape {
            samples: 305_880,
            snps: 43_333,
            words: 43_333usize.div_ceil(64) + 22 * 8,
            missing: false,
        };
        Plan::of(shape, &[Kernel::Gaussian], &computation, 5)
    }

    #[test]
    fn a_cohort_of_the_size_of_uk_biobank_fits_on_one_h200() {
        let h200 = (140 * GB, 141 * GB);
        for precision in ["adaptive", "uniform:f16", "uniform:f8e4m3"] {
            let told = judge(&biobank(precision), h200, 1).unwrap();
            assert!(told.least < 140 * GB as u64, "{}", told.text);
        }
        // With tiles of F16 at the least, as before Ada, it would fit too.
        assert!(judge(&biobank("adaptive"), h200, 2).is_ok());
    }

    #[test]
    fn what_does_not_fit_is_told_what_would() {
        let h200 = (140 * GB, 141 * GB);
        let refused = judge(&biobank("f32"), h200, 1).unwrap_err().to_string();
        assert!(
            refused.contains("what would fit: --precision uniform:f16, "),
            "{refused}"
        );
        // The part of the individuals that is named fits.
        let small = judge(&biobank("adaptive"), (24 * GB, 25 * GB), 1)
            .unwrap_err()
            .to_string();
        assert!(small.contains(" % of the individuals"), "{small}");
        assert!(!small.contains("--precision"), "{small}");
    }
}

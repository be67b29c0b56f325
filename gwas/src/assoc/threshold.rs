//! From which p on a SNP of a run counts as associated.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::effect::Form;
use super::tally::Tally;
use crate::tails::{ln_f_tail, log10p};

/// The chance that any SNP of a trait without associations reaches the threshold.
const LEVEL: f64 = 0.05;

/// How a threshold is chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// 5·10⁻⁸ for human chromosomes, otherwise Bonferroni.
    Usual,
    /// 0.05 over the number of SNPs tested: `bonferroni`.
    Bonferroni,
    /// 0.05 over the effective number of tests: `effective`.
    Effective,
    /// What the smallest p of draws from the null model reaches in 5 % of them: `simulate`.
    Simulate,
    /// This p.
    Given(f64),
}

impl FromStr for Rule {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "bonferroni" => Ok(Rule::Bonferroni),
            "effective" => Ok(Rule::Effective),
            "simulate" => Ok(Rule::Simulate),
            _ => match text.parse() {
                Ok(p) if p > 0.0 && p <= 1.0 => Ok(Rule::Given(p)),
                _ => Err("expected bonferroni, effective, simulate or a p-value above 0"),
            },
        }
    }
}

/// A threshold of a trait.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Significance {
    /// −log₁₀ p; `None` if no SNP was tested.
    pub log10p: Option<f64>,
    /// Where it comes from, in words.
    pub method: String,
}

impl fmt::Display for Significance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.log10p {
            None => write!(f, "no threshold: no SNP was tested"),
            Some(x) => write!(f, "−log₁₀ p ≥ {x:.3}: {}", self.method),
        }
    }
}

/// The threshold of trait `t`, by what was counted. `human` says whether the chromosomes are;
/// `form` is the test of the draws, on `freedom` degrees of freedom.
pub fn significance(
    (rule, human): (Rule, bool),
    (tally, t): (&Tally, usize),
    (form, freedom, samples): (Form, f64, usize),
) -> Significance {
    let tested = tally.tested[t];
    let (p, method) = match rule {
        Rule::Given(p) => (-p.log10(), format!("p ≤ {p}, as given")),
        Rule::Usual if human => (
            -5e-8_f64.log10(),
            "p ≤ 5e-8, the usual threshold for human genomes".into(),
        ),
        Rule::Usual => (
            -(LEVEL / tested as f64).log10(),
            format!("Bonferroni, {LEVEL} / {tested} tests (the chromosomes are not human)"),
        ),
        Rule::Bonferroni => (
            -(LEVEL / tested as f64).log10(),
            format!("Bonferroni, {LEVEL} / {tested} tests"),
        ),
        Rule::Effective => {
            let tests = tally.effective[t];
            (
                -(LEVEL / tests).log10(),
                format!(
                    "{LEVEL} / {tests:.1} effective tests of {tested} (Li and Ji 2005, within \
                     blocks of {} SNPs of a chromosome)",
                    super::block::SNPS
                ),
            )
        }
        Rule::Simulate => {
            let drawn = &tally.maxima[t];
            (
                simulated(drawn, form, freedom, samples),
                format!(
                    "reached by the smallest p of {LEVEL} of {} draws from the null model",
                    drawn.len()
                ),
            )
        }
    };
    Significance {
        log10p: (tested > 0).then_some(p),
        method,
    }
}

/// −log₁₀ p of the draw that 5 % of draws reach.
fn simulated(drawn: &[f64], form: Form, freedom: f64, samples: usize) -> f64 {
    let mut sorted = drawn.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    // The observed maximum is one more draw: P(it is among the k largest) = k/(draws + 1).
    let k = (LEVEL * (sorted.len() + 1) as f64).floor().max(1.0) as usize;
    let Some(share) = sorted.get(k - 1) else {
        return f64::INFINITY;
    };
    let statistic = match form {
        Form::Score => samples as f64 * share,
        _ => freedom * share / (1.0 - share),
    };
    log10p(ln_f_tail(statistic, freedom))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(tested: usize) -> Tally {
        let mut tally = Tally::new(1);
        tally.tested[0] = tested;
        tally.effective[0] = tested as f64 / 2.0;
        tally
    }

    fn of(rule: Rule, human: bool, tested: usize) -> Option<f64> {
        let tally = tally(tested);
        significance((rule, human), (&tally, 0), (Form::Score, 98.0, 100)).log10p
    }

    #[test]
    fn human_genomes_have_their_threshold_and_others_that_of_bonferroni() {
        assert_eq!(of(Rule::Usual, true, 10), Some(-(5e-8_f64.log10())));
        assert_eq!(of(Rule::Usual, false, 50), Some(3.0));
        assert_eq!(of(Rule::Effective, true, 100), Some(3.0));
        assert_eq!(of(Rule::Given(0.001), false, 1), Some(3.0));
        assert_eq!(of(Rule::Bonferroni, true, 0), None);
    }

    #[test]
    fn one_draw_in_twenty_reaches_the_simulated_threshold() {
        let mut tally = tally(5);
        tally.maxima[0] = (1..=99).map(|k| f64::from(k) / 200.0).collect();
        let rule = (Rule::Simulate, true);
        let found = significance(rule, (&tally, 0), (Form::Wald, 98.0, 100));
        // 0.05·100 = 5 of them: the fifth largest is 95/200.
        let statistic = 98.0 * 0.475 / 0.525;
        let expected = log10p(ln_f_tail(statistic, 98.0));
        assert_eq!(found.log10p, Some(expected));
    }

    #[test]
    fn rules_are_read() {
        assert_eq!("simulate".parse(), Ok(Rule::Simulate));
        assert_eq!("1e-6".parse(), Ok(Rule::Given(1e-6)));
        for bad in ["0", "-1", "2", "nan", "usual"] {
            assert!(bad.parse::<Rule>().is_err(), "{bad}");
        }
    }
}

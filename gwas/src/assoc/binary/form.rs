//! Tests of binary traits, by name.

use std::fmt;
use std::str::FromStr;

/// A form of test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Score test whose p-value is the saddlepoint approximation's where |z| > 2.
    Spa,
    /// Score test with normal p-values: far too small ones where cases are few.
    Score,
    /// Wald's test of logistic regression; without a kernel.
    Wald,
    /// Likelihood ratio of logistic regressions; without a kernel.
    Lrt,
    /// Firth's penalised regression, by the ratio of penalised likelihoods.
    Firth,
    /// `Wald`, and `Firth` where logistic regression has no maximum; without a kernel.
    FirthFallback,
}

impl Form {
    /// Whether there is such a test beside a kernel.
    pub fn has_kernel(self) -> bool {
        matches!(self, Form::Spa | Form::Score | Form::Firth)
    }

    /// Its name in tables, where it is not another form that was used.
    pub fn name(self) -> &'static str {
        match self {
            Form::Spa => "spa",
            Form::Score => "score",
            Form::Wald => "wald",
            Form::Lrt => "lrt",
            Form::Firth => "firth",
            Form::FirthFallback => "firth-fallback",
        }
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Form {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [
            Form::Spa,
            Form::Score,
            Form::Wald,
            Form::Lrt,
            Form::Firth,
            Form::FirthFallback,
        ];
        let found = all.into_iter().find(|form| form.name() == text);
        found.ok_or(
            "it is no test of binary traits; with --bt tests are spa, score and firth, and with \
             --kernel none also wald, lrt and firth-fallback",
        )
    }
}

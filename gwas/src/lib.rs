//! Kernel ridge regression for genome-wide association: the library behind the program `epitile`.
//!
//! Everything numerical is generic over a backend and an engine of `epitile_core`; [`backend`]
//! picks them at run time, once. Errors are those a geneticist reads ([`error`]).
//!
//! | module | question it answers |
//! |---|---|
//! | [`align`] | which SNP and allele of new genotypes is which of a model's? |
//! | [`assoc`] | which SNPs are associated with a trait? |
//! | [`backend`] | which machine computes? |
//! | [`bench`](mod@bench) | how long does each phase take? |
//! | [`cohort`] | which individuals and SNPs, after all filters? |
//! | [`covariates`] | covariates as columns of a design |
//! | [`cv`] | does kernel ridge predict better than linear ridge? |
//! | [`dense`] | whole FP64 matrices: factors, inverses, eigenvalues |
//! | [`epistasis`](mod@epistasis) | is there variance beside the additive, and which SNPs interact? |
//! | [`error`] | what went wrong, in words and as an exit code? |
//! | [`evidence`] | the certificates of many solutions together |
//! | [`explain`](mod@explain) | which SNPs does a model use? |
//! | [`fit`] | one setting, trained on everybody |
//! | [`folds`] | who is held out when? |
//! | [`io`] | files in, files out |
//! | [`matrix`] | the kernel itself, as files for other programs |
//! | [`model`] | what a model file holds |
//! | [`null`] | null models: variances of several kernels, and are they zero? |
//! | [`phenotypes`] | traits of the cohort |
//! | [`plan`] | which tile of a factor has which format? |
//! | [`predict`] | new individuals, with standard errors |
//! | [`report`] | one page of tables and pictures from what other commands wrote |
//! | [`run`] | log, record and progress of a run |
//! | [`settings`] | kernels, γ and λ, given or chosen |
//! | [`similarity`] | pair statistics of a cohort, and kernels of them |
//! | [`simulate`] | cohorts with known truth |
//! | [`spill`] | where does what does not fit in memory go? |
//! | [`tails`] | p-values in log space |
//! | [`training`] | fixed effects and solution, the same for `cv` and `fit` |
//! | [`varcomp`] | how much of a trait does each kernel explain? |
//!
//! The command line is in `cli/`, one file per command; it belongs to the program, not to the
//! library.

#![forbid(unsafe_code)]

pub mod align;
pub mod assoc;
pub mod backend;
pub mod bench;
pub mod cohort;
pub mod covariates;
pub mod cv;
pub mod dense;
pub mod epistasis;
pub mod error;
pub mod evidence;
pub mod explain;
pub mod fit;
pub mod folds;
pub mod io;
pub mod matrix;
pub mod model;
pub mod null;
pub mod phenotypes;
pub mod plan;
pub mod predict;
pub mod report;
pub mod run;
pub mod settings;
pub mod similarity;
pub mod simulate;
pub mod spill;
pub mod tails;
pub mod training;
pub mod varcomp;

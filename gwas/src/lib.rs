//! Kernel ridge regression for genome-wide association.

#![forbid(unsafe_code)]

pub mod align;
pub mod backend;
pub mod bench;
pub mod cohort;
pub mod covariates;
pub mod cv;
pub mod error;
pub mod evidence;
pub mod fit;
pub mod folds;
pub mod io;
pub mod matrix;
pub mod model;
pub mod phenotypes;
pub mod predict;
pub mod run;
pub mod settings;
pub mod similarity;
pub mod simulate;
pub mod training;

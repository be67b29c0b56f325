//! Binary traits: logistic regression of every SNP, alone or beside the rest of the genome.
//!
//! Without a kernel: P(y = 1) = 1/(1 + e^−η), η = Xb + xβ, on the individuals who have the call,
//! as `plink2 --glm`. With one: η = Xb + xβ + f, f ~ N(0, τK), whose null model is fitted by
//! penalised quasi-likelihood and in which every SNP has a score test, as in GMMAT and SAIGE. All
//! in FP64, on whole N × N matrices.
//!
//! [`Model`] takes columns, traits and dosages as they lie in memory, for studies of its tests.
//!
//! | module | question it answers |
//! |---|---|
//! | [`cases`] | who is a case, and can the trait be tested? |
//! | [`firth`] | penalised regression, where the plain one has no maximum |
//! | [`form`] | which tests are there? |
//! | [`logistic`] | logistic regression |
//! | [`model`] | a trait's null model; tests of SNPs in it |
//! | `null` | the null models of a group of traits, and what is told of them |
//! | `pql` | the null model beside a kernel |
//! | `scan` | the streaming through these models |
//! | [`score`] | the score test, its p-value by saddlepoint |

pub mod cases;
pub mod firth;
pub mod form;
pub mod logistic;
pub mod model;
mod null;
mod pql;
mod scan;
pub mod score;

pub use form::Form;
pub use model::Model;
pub(super) use null::{Null, Nulls, Starts, tell};
pub(super) use pql::MOST;
pub use pql::Near;

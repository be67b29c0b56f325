//! Exact, mixed-precision kernel ridge regression on tiles: the formats, the containers, the
//! contract of a backend, and the algorithms, written once for all of them.
//!
//! Data flow one way: [`genotypes`] → [`pairs`] on a [`backend`] → [`kernel`] tiles of a
//! [`system`] → [`policy`] (which tile in which format) → [`factor`] → [`refine`] →
//! [`certificate`]. [`solver`] strings them together; [`gls`] adds fixed effects.
//!
//! N individuals, M SNPs, K the kernel, λ the ridge, A = K + λI, α the dual weights.
//!
//! | module | question it answers |
//! |---|---|
//! | [`backend`] | what must a machine be able to do? |
//! | [`certificate`] | how good is a solution? |
//! | [`columns`] | how do right-hand sides travel, eight at a time? |
//! | `conformance` | does a backend keep its promises? (feature `conformance`) |
//! | [`deflate`] | what is taken out of K so that the rest is small? |
//! | [`dense`] | small FP64 algebra on the host |
//! | [`distances`] | median and quantiles of all pairs |
//! | [`engine`] | who runs tasks, in which order? |
//! | [`exp`] | e^x with the same bits everywhere |
//! | [`factor`] | the left-looking mixed-precision Cholesky factorisation |
//! | [`genotypes`] | hard calls as bit planes |
//! | [`gls`] | intercept and covariates |
//! | [`inverse`] | the diagonal of A⁻¹ |
//! | [`kernel`] | kernel functions, from statistics to values |
//! | [`leave`] | what is each individual predicted by all others? |
//! | [`pairs`] | Σ(x−y)², Σ\|x−y\|, Σzz as exact integers |
//! | [`policy`] | which tile is stored in which format? |
//! | [`precision`] | the number formats, one table row each |
//! | [`precondition`] | the factor and the deflation as an approximate inverse |
//! | `reference` | every operation as naive loops (feature `conformance`) |
//! | [`refine`] | conjugate gradients on the true kernel |
//! | [`round`] | rounding: once, from f64, to nearest even |
//! | [`shifts`] | which ridges share a factor, and how |
//! | [`solver`] | from K and λ to certified solutions, and what to do when a factor fails |
//! | [`stored`] | numbers owned, or lent by a store |
//! | [`sym`] | packed lower triangles of anything |
//! | [`system`] | K over chosen individuals, never stored whole |
//! | [`task`] | an algorithm as a sequence of tile operations |
//! | [`tile`] | a small matrix with a precision and a scale |

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

pub mod backend;
pub mod certificate;
pub mod columns;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod deflate;
pub mod dense;
pub mod distances;
pub mod engine;
pub mod exp;
pub mod factor;
pub mod genotypes;
pub mod gls;
pub mod inverse;
pub mod kernel;
pub mod leave;
pub mod pairs;
pub mod policy;
pub mod precision;
pub mod precondition;
#[cfg(feature = "conformance")]
pub mod reference;
pub mod refine;
pub mod round;
pub mod shifts;
pub mod solver;
pub mod stored;
pub mod sym;
pub mod system;
pub mod task;
pub mod tile;

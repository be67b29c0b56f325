//! Null models y = X b + Σ_k f_k + e, f_k ~ N(0, σ²_k K_k), e ~ N(0, σ²_e I).
//!
//! ln L is written without ½·n·ln 2π (REML: n − c): REML is −½(ln|V| + ln|XᵀV⁻¹X| + yᵀPy), with
//! X the intercept and the standardised covariates.
//!
//! | module | question it answers |
//! |---|---|
//! | [`boundary`] | is a variance zero? |
//! | [`component`] | which kernels are there? |
//! | [`contrast`] | what is left when the fixed effects are taken out? |
//! | [`kernels`] | which of kernels' contrasts and eigenvalues do all traits share? |
//! | [`likelihood`] | ln L of several kernels, its slopes and its curvature |
//! | [`matrix`] | a kernel over a trait's samples, centred and scaled |
//! | [`projected`] | xᵀPx and xᵀPy at one ρ |
//! | [`reml`] | the variances of several kernels |
//! | [`spectral`] | the variance of one kernel, by its eigenvalues |
//! | `sums` | what of its likelihood is sums over rotated columns |

pub mod boundary;
pub mod component;
pub mod contrast;
pub mod kernels;
pub mod likelihood;
pub mod matrix;
pub mod projected;
pub mod reml;
pub mod spectral;
mod sums;

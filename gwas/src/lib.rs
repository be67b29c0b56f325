//! Kernel ridge regression for genome-wide association.

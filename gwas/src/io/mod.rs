//! Files: what is read, what is written.

pub mod bed;
pub mod bgzip;
pub mod bim;
pub mod chromosome;
pub mod fam;
pub mod fileset;
pub mod grm;
pub mod lists;
pub mod npy;
pub mod number;
pub mod output;
pub mod table;
pub mod text;
pub mod tsv;
pub mod weights;
pub mod write_bed;
mod writeback;

#[cfg(test)]
mod scratch;
#[cfg(test)]
pub(crate) use scratch::scratch;

//! A register's worth of bits.

use bytemuck::{Pod, Zeroable};

/// 512 bits of a plane, as many SNPs as segments are padded to; or the calls of one SNP.
#[derive(Clone, Copy, Default, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct Line(pub(crate) [u64; LINE]);

/// Words of a [`Line`].
pub(crate) const LINE: usize = 8;

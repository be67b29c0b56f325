//! The matrix unit of x86 processors (AMX): whether it may be used, and its tiles' shape.
//!
//! Rust has no stable intrinsics for it: kernels are `asm!` blocks, each between
//! [`Tiles::configure`] and the end of that value's life.

use core::arch::asm;
use core::arch::x86_64::{__cpuid_count, _xgetbv};

/// Rows of a tile register, of 64 bytes each.
pub(crate) const ROWS: usize = 16;

/// Bytes of a row of a tile register.
pub(crate) const ROW: usize = 64;

/// Bytes of a tile register.
pub(crate) const TILE: usize = ROWS * ROW;

/// Whether processor and operating system have AMX with BF16 and INT8, and let this process use it.
pub(crate) fn is_there() -> bool {
    const BF16_TILE_INT8: u32 = 1 << 22 | 1 << 24 | 1 << 25;
    const XSAVE_BY_SYSTEM: u32 = 1 << 27;
    let has_leaf_7 = __cpuid_count(0, 0).eax >= 7;
    let is_there = has_leaf_7
        && __cpuid_count(7, 0).edx & BF16_TILE_INT8 == BF16_TILE_INT8
        && __cpuid_count(1, 0).ecx & XSAVE_BY_SYSTEM != 0
        && is_saved();
    is_there && is_permitted()
}

/// Whether the operating system saves the state of tiles when it switches between threads.
fn is_saved() -> bool {
    const CONFIGURATION_AND_DATA: u64 = 1 << 17 | 1 << 18;
    #[target_feature(enable = "xsave")]
    fn enabled() -> u64 {
        // SAFETY: register 0 is there wherever XGETBV is.
        unsafe { _xgetbv(0) }
    }
    // SAFETY: the caller found that the system has enabled XSAVE, and with it XGETBV.
    let enabled = unsafe { enabled() };
    enabled & CONFIGURATION_AND_DATA == CONFIGURATION_AND_DATA
}

/// Asks Linux for the larger state, for all threads of this process.
#[cfg(target_os = "linux")]
fn is_permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_ulong = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_ulong = 18;
    // SAFETY: takes two numbers, changes only what this process may use.
    unsafe {
        libc::syscall(
            libc::SYS_arch_prctl,
            ARCH_REQ_XCOMP_PERM,
            XFEATURE_XTILEDATA,
        ) == 0
    }
}

/// Other systems have other ways, which nobody has tried here.
#[cfg(not(target_os = "linux"))]
fn is_permitted() -> bool {
    false
}

/// The layout of `LDTILECFG`: eight tiles of 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Shapes {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static SHAPES: Shapes = {
    let (mut row_bytes, mut rows) = ([0; 16], [0; 16]);
    let mut tile = 0;
    while tile < 8 {
        row_bytes[tile] = ROW as u16;
        rows[tile] = ROWS as u8;
        tile += 1;
    }
    Shapes {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        row_bytes,
        rows,
    }
};

/// Tile registers of this thread, ready for use; given back at the end.
pub(crate) struct Tiles(());

impl Tiles {
    /// Eight tiles of 16 rows of 64 bytes.
    ///
    /// # Safety
    /// [`is_there`] was true, and no other value of this type lives on this thread.
    #[inline(always)]
    pub(crate) unsafe fn configure() -> Self {
        // SAFETY: the caller's promise; the configuration is that of a valid palette.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const SHAPES, options(nostack, readonly, preserves_flags));
        }
        Tiles(())
    }
}

impl Drop for Tiles {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the tiles were configured, and nothing uses them any more.
        unsafe { asm!("tilerelease", options(nostack, nomem, preserves_flags)) }
    }
}

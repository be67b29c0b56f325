//! Numbers in memory of their own, or lent by a store that keeps them elsewhere.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

/// Numbers that are read as a slice, wherever they are: owned, or lent by a store (a
/// memory-mapped file) that keeps them, unchanged, as long as this value or a clone of it lives.
#[derive(Clone)]
pub enum Stored<T> {
    /// In memory of their own.
    Own(Vec<T>),
    /// In a store, for reading.
    Lent(Arc<dyn AsRef<[T]> + Send + Sync>),
}

impl<T: Clone> Stored<T> {
    /// The numbers for writing; lent ones are copied first.
    pub fn to_mut(&mut self) -> &mut [T] {
        if let Stored::Lent(lent) = self {
            *self = Stored::Own((**lent).as_ref().to_vec());
        }
        match self {
            Stored::Own(own) => own,
            Stored::Lent(_) => unreachable!("they are owned now"),
        }
    }
}

impl<T> Deref for Stored<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Stored::Own(own) => own,
            Stored::Lent(lent) => (**lent).as_ref(),
        }
    }
}

impl<T> From<Vec<T>> for Stored<T> {
    fn from(own: Vec<T>) -> Self {
        Stored::Own(own)
    }
}

impl<T: fmt::Debug> fmt::Debug for Stored<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: PartialEq> PartialEq for Stored<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: Eq> Eq for Stored<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lent_numbers_are_copied_before_they_are_changed() {
        let lender: Arc<dyn AsRef<[u32]> + Send + Sync> = Arc::new(alloc::vec![1, 2, 3]);
        let mut lent = Stored::Lent(lender.clone());
        let other = lent.clone();
        assert_eq!(lent, Stored::from(alloc::vec![1, 2, 3]));
        lent.to_mut()[1] = 7;
        assert_eq!((&lent[..], &other[..]), (&[1, 7, 3][..], &[1, 2, 3][..]));
        assert_eq!((*lender).as_ref(), [1, 2, 3]);
    }
}

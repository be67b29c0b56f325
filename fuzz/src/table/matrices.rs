//! Matrices: NumPy's and GCTA's.

use epitile::io::fam::Sample;
use epitile::io::grm::Grm;
use epitile::io::npy;

use super::{parts, taken};
use crate::scratch::Folder;
use crate::source::Source;

pub(super) fn matrix(source: &mut Source<'_>, folder: &Folder, _: &[Sample]) {
    let (_, _, file) = parts(source);
    let Some(matrix) = taken(npy::read(folder.put("t", file))) else {
        return;
    };
    assert_eq!(matrix.rows * matrix.columns, matrix.values.len());
    assert!(matrix.values.iter().all(|v| v.is_finite()));
    let path = folder.path("again");
    let again = npy::Writer::create(&path, matrix.rows, matrix.columns).and_then(|mut writer| {
        for i in 0..matrix.rows {
            let row: Vec<f64> = (0..matrix.columns)
                .map(|j| matrix.values[j * matrix.rows + i])
                .collect();
            writer.row(&row)?;
        }
        writer.into_file().commit()?;
        npy::read(&path)
    });
    assert_eq!(again.as_ref(), Ok(&matrix), "written back");
}

pub(super) fn grm(source: &mut Source<'_>, folder: &Folder, _: &[Sample]) {
    source.byte();
    folder.put("p.grm.id", source.section());
    let file = source.rest();
    folder.put("p.grm.bin", file);
    let Some(grm) = taken(Grm::read(folder.path("p"))) else {
        return;
    };
    let n = grm.ids.len();
    for i in 0..n {
        for j in 0..n {
            let at = 4 * (i.max(j) * (i.max(j) + 1) / 2 + i.min(j));
            let bytes = file[at..at + 4].try_into().expect("four bytes");
            assert_eq!(grm.value(i, j).to_bits(), u32::from_le_bytes(bytes));
        }
    }
}

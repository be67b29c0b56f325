//! Tables in blocks of gzip, with tabix' index of positions beside them.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use noodles_bgzf::io::Writer;
use noodles_core::Position;
use noodles_csi::binning_index::index::header::Builder;
use noodles_csi::binning_index::index::reference_sequence::bin::Chunk;
use noodles_tabix::index::Indexer;

use super::fileset::with_suffix;
use super::output::AtomicFile;
use crate::error::{Error, Result};

/// The largest position that an index has room for.
pub const LARGEST: i64 = 1 << 29;

/// A packed table being written.
pub struct Packed {
    path: PathBuf,
    writer: Writer<AtomicFile>,
    indexer: Indexer,
}

impl Packed {
    /// Starts the table `path`, whose first line is a header, and whose first two columns are
    /// chromosome and position.
    ///
    /// # Errors
    /// `Write`.
    pub fn create(path: &Path) -> Result<Packed> {
        let header = Builder::gff()
            .set_reference_sequence_name_index(0)
            .set_start_position_index(1)
            .set_end_position_index(Some(1))
            .set_line_skip_count(1)
            .build();
        let mut indexer = Indexer::default();
        indexer.set_header(header);
        Ok(Packed {
            path: path.to_owned(),
            writer: Writer::new(AtomicFile::create(path)?),
            indexer,
        })
    }

    /// Adds a line with its end. `at` is its place: chromosomes in one piece, positions of each
    /// ascending. A line without one, or with a position that an index has no room for, is found
    /// by no region.
    ///
    /// # Errors
    /// `Write`.
    pub fn line(&mut self, text: &str, at: Option<(&str, i64)>) -> Result<()> {
        let start = self.writer.virtual_position();
        let written = self.writer.write_all(text.as_bytes());
        let place = at.filter(|(_, position)| (1..=LARGEST).contains(position));
        let indexed = written.and_then(|()| {
            let Some((chromosome, position)) = place else {
                return Ok(());
            };
            let chunk = Chunk::new(start, self.writer.virtual_position());
            let position = usize::try_from(position).ok().and_then(Position::new);
            let position = position.ok_or(io::ErrorKind::InvalidData)?;
            self.indexer
                .add_record(chromosome, position, position, chunk)
        });
        indexed.map_err(|e| Error::write(&self.path, &e))
    }

    /// The table, and its index under the same name and `.tbi`.
    ///
    /// # Errors
    /// `Write`.
    pub fn finish(self) -> Result<(AtomicFile, AtomicFile)> {
        let Packed {
            path,
            writer,
            indexer,
        } = self;
        let table = writer.finish().map_err(|e| Error::write(&path, &e))?;
        let path = with_suffix(&path, ".tbi");
        let mut index = noodles_tabix::io::Writer::new(AtomicFile::create(&path)?);
        let written = index.write_index(&indexer.build());
        let index = written.and_then(|()| index.into_inner().finish());
        Ok((table, index.map_err(|e| Error::write(&path, &e))?))
    }
}

//! Where in a segment its frames lie: sparse, so that all segments of a large log can be known.

use crate::model::Offset;

/// A position is noted when a frame begins this far behind the last one noted: 1,024 positions × 8
/// bytes in a segment of 64 MiB, 13 MiB for 100 GiB of log.
const NOTE_EVERY_BYTES: u32 = 64 * 1024;

/// Where a frame begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FramePosition {
    /// Of its first record.
    pub(super) offset: Offset,
    pub(super) byte: u32,
}

/// Where some frames of one segment lie, ascending. The first frame's place is always known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Positions {
    first: FramePosition,
    /// Offsets counted from the segment's first, and bytes.
    noted: Vec<(u32, u32)>,
}

impl Positions {
    pub(super) fn starting_at(first: FramePosition) -> Positions {
        Positions { first, noted: Vec::new() }
    }

    /// The positions that [`Positions::noted`] gave.
    pub(super) fn of(first: FramePosition, noted: Vec<(u32, u32)>) -> Positions {
        Positions { first, noted }
    }

    pub(super) fn noted(&self) -> &[(u32, u32)] {
        &self.noted
    }

    /// Notes a frame that follows those before, if the last one noted is far enough behind.
    pub(super) fn note(&mut self, frame: FramePosition) {
        let last_byte = self.noted.last().map_or(self.first.byte, |(_, byte)| *byte);
        let count = u32::try_from(frame.offset.since(self.first.offset));
        if let Ok(count) = count
            && frame.byte >= last_byte.saturating_add(NOTE_EVERY_BYTES)
        {
            self.noted.push((count, frame.byte));
        }
    }

    /// The last known frame that begins at or before `offset`.
    pub(super) fn before(&self, offset: Offset) -> FramePosition {
        let index = self.noted.partition_point(|(count, _)| self.offset(*count) <= offset);
        match index.checked_sub(1).and_then(|index| self.noted.get(index)) {
            Some(noted) => self.position(*noted),
            None => self.first,
        }
    }

    /// The first known frame that begins after `offset`.
    pub(super) fn after(&self, offset: Offset) -> Option<FramePosition> {
        let index = self.noted.partition_point(|(count, _)| self.offset(*count) <= offset);
        self.noted.get(index).map(|noted| self.position(*noted))
    }

    fn offset(&self, count: u32) -> Offset {
        self.first.offset + u64::from(count)
    }

    fn position(&self, (count, byte): (u32, u32)) -> FramePosition {
        FramePosition { offset: self.offset(count), byte }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_frame_before_and_after() {
        let frame = |offset, byte| FramePosition { offset: Offset(offset), byte };
        let mut positions = Positions::starting_at(frame(100, 64));
        for index in 0..9 {
            positions.note(frame(100 + index * 10, 64 + index as u32 * NOTE_EVERY_BYTES / 2));
        }
        assert_eq!(positions.noted().len(), 4);
        for (offset, before, after) in
            [(100, 100, Some(120)), (119, 100, Some(120)), (120, 120, Some(140)), (999, 180, None)]
        {
            assert_eq!(positions.before(Offset(offset)).offset, Offset(before), "{offset}");
            let found = positions.after(Offset(offset)).map(|frame| frame.offset.0);
            assert_eq!(found, after, "{offset}");
        }
    }
}

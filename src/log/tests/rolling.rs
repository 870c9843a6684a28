//! A segment begins before it is full, so that what lies before can be let go of without what follows.

use std::time::Duration;

use super::*;
use crate::durable::testing::FailNth;
use crate::model::Micros;

const WHENEVER: Micros = Micros(i64::MAX);

#[test]
fn what_was_durable_at_a_roll_can_go_and_what_follows_stays() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) = open(folder.path()).unwrap();
    append(&mut writer, 3);
    writer.roll().unwrap();
    writer.roll().unwrap();
    append(&mut writer, 2);
    assert_eq!(offsets(&reader), [0, 1, 2, 3, 4]);
    let trimmer = writer.trimmer();
    drop(writer);
    drop(trimmer);
    let (writer, reader, _) = open(folder.path()).unwrap();
    let oldest = writer.trimmer().trim(Offset(3), Duration::ZERO, WHENEVER).unwrap();
    assert_eq!((oldest, offsets(&reader)), (Offset(3), vec![3, 4]));
    let trimmed = reader.records_at(&[Offset(2)]).unwrap_err();
    assert!(matches!(trimmed, LogError::Trimmed { .. }), "{trimmed}");
    drop(writer);
    check_whole(folder.path(), 3, 5);
}

/// A crash leaves a segment in which nothing is yet, or none.
#[test]
fn a_roll_that_broke_off_loses_nothing() {
    let mut broken = 0;
    for nth in 1..12 {
        let folder = tempfile::tempdir().unwrap();
        let (mut writer, ..) = open(folder.path()).unwrap();
        append(&mut writer, 3);
        drop(writer);
        let seam = Arc::new(FailNth::for_good(nth));
        if let Ok((mut writer, ..)) = open_through(folder.path(), seam)
            && writer.roll().is_err()
        {
            writer.append(Arc::new(record(3))).unwrap();
            assert!(writer.commit().is_err(), "nothing more is taken");
            broken += 1;
        }
        check_whole(folder.path(), 0, 3);
    }
    assert!(broken > 2, "{broken}");
}

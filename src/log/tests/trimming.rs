//! The oldest segments go, at a place that is written down first.

use std::fs;
use std::time::Duration;

use super::*;
use crate::durable::testing::FailNth;
use crate::model::Micros;

const HOUR: Duration = Duration::from_secs(3_600);
/// Long after every record.
const LATER: Micros = Micros(1_000_000_000_000);

#[test]
fn whole_segments_below_and_old_enough_go() {
    let folder = tempfile::tempdir().unwrap();
    let files = log_of(folder.path(), 40);
    let (writer, reader, _) = open(folder.path()).unwrap();
    let sealed = reader.segments.sealed();
    let trimmer = writer.trimmer();
    let mut behind = reader.scan(Offset(0));
    behind.next_batch(10).unwrap();

    // A segment stays for one record that somebody needs, or that is too young.
    assert_eq!(trimmer.trim(Offset(sealed[0].end.0 - 1), HOUR, LATER).unwrap(), Offset(0));
    let last_received = Micros((sealed[0].end.0 as i64 - 1) * 1_000_000);
    let an_hour_later = Micros(last_received.0 + HOUR.as_micros() as i64);
    assert_eq!(trimmer.trim(sealed[3].end, HOUR, an_hour_later).unwrap(), Offset(0));
    let one_more = Micros(an_hour_later.0 + 1);
    assert_eq!(trimmer.trim(sealed[3].end, HOUR, one_more).unwrap(), sealed[0].end);
    assert_eq!(trimmer.trim(sealed[2].end, HOUR, LATER).unwrap(), sealed[2].end);

    assert_eq!(reader.oldest(), sealed[3].start);
    assert_eq!(files.list_sealed().unwrap(), files.list_sidecars().unwrap());
    assert_eq!(files.list_sealed().unwrap()[0], sealed[3].start);
    let trimmed =
        |error| matches!(error, LogError::Trimmed { oldest, .. } if oldest == sealed[3].start);
    assert!(trimmed(behind.next_batch(10).unwrap_err()), "a scan in the midst of it is told");
    assert!(trimmed(reader.range(Offset(0), Offset(5)).unwrap_err()));
    assert!(trimmed(reader.records_at(&[Offset(3)]).unwrap_err()));
    drop(writer);
    assert!(matches!(trimmer.trim(sealed[3].end, HOUR, LATER), Err(LogError::Closed)));
    check_whole(folder.path(), sealed[3].start.0, 400);
}

/// All that is sealed may go; what is written stays, and the numbers go on.
#[test]
fn everything_sealed_may_go() {
    let folder = tempfile::tempdir().unwrap();
    let files = log_of(folder.path(), 24);
    let (writer, reader, _) = open(folder.path()).unwrap();
    let end = reader.segments.sealed().last().unwrap().end;
    assert_eq!(writer.trimmer().trim(Offset(u64::MAX), HOUR, LATER).unwrap(), end);
    assert!(files.list_sealed().unwrap().is_empty());
    drop(writer);
    check_whole(folder.path(), end.0, 240);
    fs::remove_file(files.oldest_path()).unwrap();
    assert!(open(folder.path()).is_err(), "without its beginning it is no whole log");
}

#[test]
fn a_crash_between_any_two_steps_of_trimming_leaves_the_old_beginning_or_the_new_one() {
    for n in 1.. {
        let folder = tempfile::tempdir().unwrap();
        let files = log_of(folder.path(), 24);
        let failing = Arc::new(FailNth::for_good(n));
        let mut end = Offset(0);
        if let Ok((writer, reader, _)) = open_through(folder.path(), failing.clone()) {
            let in_place = LogReader::open_read_only(folder.path()).unwrap();
            end = reader.segments.sealed()[1].end;
            let trimmed = writer.trimmer().trim(end, HOUR, LATER);
            assert_eq!(trimmed.is_ok(), failing.failed().is_none(), "call {n}");
            // One process trims, another reads: it is told, not shown damage.
            match in_place.range(Offset(0), Offset(5)) {
                Ok(records) => assert_eq!(records.len(), 5),
                Err(LogError::Trimmed { oldest, .. }) => assert_eq!(oldest, end),
                Err(error) => panic!("call {n}: {error}"),
            }
        }
        let (_writer, reader, recovered) = open(folder.path()).unwrap();
        let oldest = recovered.oldest;
        assert!(oldest == Offset(0) || oldest == end, "call {n}: {oldest}");
        assert_eq!(offsets(&reader), (oldest.0..240).collect::<Vec<u64>>());
        let sealed = files.list_sealed().unwrap();
        assert_eq!((sealed[0], &sealed), (oldest, &files.list_sidecars().unwrap()), "call {n}");
        if failing.failed().is_none() {
            assert!(n > 10, "only {n} calls");
            return;
        }
    }
}

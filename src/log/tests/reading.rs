//! What readers find, from memory and from files, whole frames and single records.

use std::fs;

use super::*;
use crate::log::codec::Unpacker;
use crate::log::frame::FrameBuilder;
use crate::log::segment_file::{Entry, HEADER_BYTES, entry};

/// What a scan hands out from memory is what the log would have given it.
#[test]
fn records_in_memory_are_those_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) = open(folder.path()).unwrap();
    for offset in 0..10 {
        writer.append(Arc::new(record(offset))).unwrap();
    }
    let nothing = reader.scan(Offset(0)).next_batch(100).unwrap();
    assert!(nothing.is_empty(), "nothing before it is durable");
    writer.commit().unwrap();
    let mut without_memory = reader.clone();
    without_memory.recent = Default::default();
    let mut from_files = without_memory.scan(Offset(3));
    let mut from_memory = reader.scan(Offset(3));
    for count in [4, 3] {
        let (read, kept) = (from_files.next_batch(4).unwrap(), from_memory.next_batch(4).unwrap());
        assert_eq!((read.len(), kept.len()), (count, count));
        for (read, kept) in read.records().iter().zip(kept.records()) {
            assert_eq!((read.offset, read.to_text()), (kept.offset, kept.to_text()));
            assert_eq!((read.leaf, read.salt), (kept.leaf, kept.salt));
        }
    }
    assert!(from_memory.next_batch(4).unwrap().is_empty());
}

#[test]
fn single_records_are_found_in_any_choice() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, mut reader, _) = open(folder.path()).unwrap();
    for _ in 0..30 {
        append(&mut writer, 7);
    }
    let check = |reader: &LogReader, wanted: &[u64]| {
        let wanted: Vec<Offset> = wanted.iter().copied().map(Offset).collect();
        let found = reader.records_at(&wanted).unwrap();
        let durable = wanted.iter().filter(|offset| **offset < reader.head());
        assert!(found.iter().map(|record| record.offset).eq(durable.copied()));
        for found in found {
            assert_eq!(found.to_text(), record(found.offset.0).to_text());
        }
    };
    let mut dice = Dice::new(3);
    for _ in 0..2 {
        check(&reader, &[]);
        check(&reader, &[0, 1, 6, 7, 100, 209, 210, 900]);
        for _ in 0..50 {
            let wanted: Vec<u64> = (0..215).filter(|_| dice.roll(9) == 0).collect();
            check(&reader, &wanted);
        }
        reader.recent = Default::default();
    }
}

/// A batch ends by bytes too: the stores that take it bound their memory by it.
#[test]
fn batches_are_bounded_in_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, mut reader, _) = crate::log::open(folder.path()).unwrap();
    let text = "x".repeat(30_000);
    for offset in 0..400 {
        let event = format!(
            r#"{{"id":"m{offset}","conversation":"c","kind":"message","sender":{{"id":"u","role":"customer"}},"text":"{text}"}}"#
        );
        writer.append(Arc::new(testing::record(offset, event))).unwrap();
        if writer.is_full() {
            writer.commit().unwrap();
        }
    }
    writer.commit().unwrap();
    for _ in 0..2 {
        let mut scan = reader.scan(Offset(0));
        let mut sizes = Vec::new();
        while let batch = scan.next_batch(10_000).unwrap()
            && !batch.is_empty()
        {
            sizes.push(batch.bytes());
        }
        assert_eq!(sizes.len(), 3, "{sizes:?}");
        assert!(sizes.iter().all(|bytes| *bytes < 5 * 1024 * 1024), "{sizes:?}");
        reader.recent = Default::default();
    }
}

/// A backup under load was refused now and then: frames that were written between two looks at a
/// segment were taken for a hole before the last of them.
#[test]
fn a_log_that_is_being_written_has_no_hole() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(Disk::open(folder.path()).unwrap());
    let options = Options { segment_bytes: 4 * 1024 * 1024, full_bytes: FULL_BYTES, disk };
    let (mut writer, reader, _) = open_with(folder.path(), options).unwrap();
    let writing = std::thread::spawn(move || (0..4_000).for_each(|_| append(&mut writer, 1)));
    let mut looks = 0;
    while !writing.is_finished() {
        let durable = reader.head();
        let copied = LogReader::open_read_only(folder.path()).unwrap();
        assert!((durable..=reader.head().next()).contains(&copied.head()), "{durable}");
        looks += 1;
    }
    writing.join().unwrap();
    assert!(looks > 10, "only {looks} looks while it was written");
}

/// The pipeline benchmark met a segment with 16 bytes left, too few for an entry's header: the
/// reader took them for a cut record, and all stores stopped for good.
#[test]
fn a_segment_may_end_with_any_number_of_zeros() {
    for extra in (0..64).step_by(4) {
        let folder = tempfile::tempdir().unwrap();
        let segment_bytes = SEGMENT_BYTES + extra;
        let disk = Arc::new(Disk::open(folder.path()).unwrap());
        let options = Options { segment_bytes, full_bytes: FULL_BYTES, disk };
        let (mut writer, reader, _) = open_with(folder.path(), options).unwrap();
        while LogFolder::new(folder.path()).list_sealed().unwrap().len() < 2 {
            append(&mut writer, 1);
        }
        let expected: Vec<u64> = (0..writer.head().0).collect();
        assert_eq!(offsets(&reader), expected, "{segment_bytes} bytes");
    }
}

#[test]
fn a_full_frame_and_a_record_too_large_are_refused_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) = open(folder.path()).unwrap();
    let mut offset = 0;
    while !writer.is_full() {
        writer.append(Arc::new(record(offset))).unwrap();
        offset += 1;
    }
    let refused = writer.append(Arc::new(record(offset)));
    assert!(matches!(refused, Err(LogError::FrameFull { .. })));
    writer.commit().unwrap();
    let mut large = record(offset);
    large.event.text = Some("x".repeat(crate::log::frame::RECORD_BYTES_MAX));
    assert!(matches!(writer.append(Arc::new(large)), Err(LogError::TooLarge { .. })));
    let gap = writer.append(Arc::new(record(offset + 1)));
    assert!(matches!(gap, Err(LogError::Gap { .. })));
    writer.append(Arc::new(record(offset))).unwrap();
    assert_eq!(writer.commit().unwrap(), Offset(offset + 1));
    assert_eq!(offsets(&reader), (0..=offset).collect::<Vec<u64>>());
}

/// A failed write leaves it open what is on the disk: nothing of it is shown, and nothing is taken
/// before a restart.
#[test]
fn after_a_failed_write_the_writer_stays_closed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut writer, reader, _) = open(folder.path()).unwrap();
    append(&mut writer, 10);
    // The next segment's name is taken, so that the roll fails.
    fs::write(reader.segments.folder.active_path(99_999), "").unwrap();
    let mut lsn = 2;
    let failed = loop {
        fs::create_dir(reader.segments.folder.active_path(lsn + 1)).unwrap();
        lsn += 1;
        for offset in writer.head().0..writer.head().0 + 10 {
            writer.append(Arc::new(record(offset))).unwrap();
        }
        if let Err(error) = writer.commit() {
            break error;
        }
    };
    assert!(matches!(failed, LogError::Append { .. }), "{failed}");
    let head = writer.head();
    assert_eq!(reader.head(), head);
    writer.append(Arc::new(record(head.0))).unwrap();
    assert!(matches!(writer.commit(), Err(LogError::Closed)));
    assert_eq!(reader.head(), head);
    assert_eq!(offsets(&reader), (0..head.0).collect::<Vec<u64>>());
}

/// Later builds read what this one wrote: the frame of one record, byte for byte.
#[test]
fn the_layout_of_a_frame_stands() {
    let event =
        r#"{"id":"m","conversation":"c","kind":"open","sender":{"id":"u","role":"system"}}"#;
    let record = testing::record(7, event);
    let mut builder = FrameBuilder::new(Offset(7), FULL_BYTES).unwrap();
    builder.add(Arc::new(record.clone())).unwrap();
    let frame = builder.encode();
    let lines_bytes = record.to_text().len() as u32 + 1;
    let header =
        ["01", "01", "0700000000000000", "01000000", &hex::encode(lines_bytes.to_le_bytes())];
    let raw = [hex::encode(record.leaf.0), hex::encode(record.salt.unwrap().0)];
    assert_eq!(hex::encode(&frame[..66]), [header.concat(), raw.concat()].concat());
    // How the packed lines look is the zstd library's; what they unpack to is ours.
    let mut unpacker = Unpacker::open().unwrap();
    let golden = hex::decode(GOLDEN_LINES).unwrap();
    let lines = [record.to_text(), b"\n".to_vec()].concat();
    for packed in [&frame[66..], &golden] {
        let unpacked = unpacker.unpack(1, packed, lines.len()).unwrap();
        assert_eq!(unpacked, lines, "{}", String::from_utf8_lossy(&lines));
    }
}

/// What `zstd -1 --no-check -D dictionary.ndjson` makes of the record's text.
const GOLDEN_LINES: &str = "28b52ffd20a955010058383139373037757d7d7d0a0a00ca84192602b76339abf808dca02590000ef500202f9009d0ed642b08";

/// Changes the first frame of a segment and makes its checksum right again.
fn rewrite_frame(path: &Path, change: impl Fn(&mut [u8])) {
    let mut bytes = fs::read(path).unwrap();
    let first = &mut bytes[HEADER_BYTES as usize..];
    let Entry::Whole { payload, entry_bytes, .. } = entry(first) else { panic!("no frame") };
    change(&mut first[payload]);
    let crc = open_wal::crc32c(&first[4..entry_bytes]);
    first[..4].copy_from_slice(&crc.to_le_bytes());
    fs::write(path, bytes).unwrap();
}

/// Both ways of opening refuse the log, in these words, and change nothing of it.
fn check_refused(dir: &Path, path: &Path, told: &str) {
    let before = fs::read(path).unwrap();
    let in_place = LogReader::open_read_only(dir).err().unwrap();
    for error in [open(dir).err().unwrap(), in_place] {
        assert!(error.to_string().contains(told), "{error}");
    }
    assert!(fs::read(path).unwrap() == before);
}

#[test]
fn a_frame_of_a_newer_version_is_refused_by_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let path = log_of(folder.path(), 2).active_path(1);
    rewrite_frame(&path, |frame| frame[0] = 2);
    let told = "holds a frame of version 2; this build reads version 1";
    check_refused(folder.path(), &path, told);
}

/// A whole frame was written by somebody: whatever is wrong with it, it is no torn end and not cut.
#[test]
fn a_whole_frame_that_cannot_be_read_is_damage_even_at_the_end() {
    for (byte, told) in [(2, "what lies before it ends before"), (10, "holds no record")] {
        let folder = tempfile::tempdir().unwrap();
        let path = log_of(folder.path(), 1).active_path(1);
        rewrite_frame(&path, |frame| frame[byte] = if byte == 2 { 7 } else { 0 });
        check_refused(folder.path(), &path, told);
    }
}

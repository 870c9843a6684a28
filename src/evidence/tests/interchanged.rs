//! Files in other forms, of bundles as they are made.

use std::fs::File;
use std::io::{Cursor, Read};

use strum::VariantArray;
use zip::ZipArchive;

use super::sample::{Log, request};
use crate::evidence::interchange::{Bounds, Form, files_of_bundle, interchange};
use crate::evidence::{Redaction, Zipped};
use crate::relay::DiskSpace;

const BYTES_MAX: u64 = 1 << 20;

fn unzipped(zip: &Zipped) -> Vec<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    zip.write(&mut bytes).unwrap();
    let mut archive = ZipArchive::new(Cursor::new(bytes)).unwrap();
    let count = archive.len();
    let read = |index: usize| {
        let mut file = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        (file.name().unwrap().to_string(), bytes)
    };
    (0..count).map(read).collect()
}

/// A command line and a server make the same of a bundle, and of one that is made again later.
#[test]
fn whoever_makes_them_the_files_of_a_bundle_are_the_same() {
    let log = Log::new();
    let asked = request(&["c-林/1", "c2"]);
    let spool = DiskSpace::of(log.folder.path().to_path_buf(), 0);
    let bounds =
        Bounds { records_bytes_max: BYTES_MAX, files_bytes_max: BYTES_MAX, is_wanted: &|| true };
    for form in Form::VARIANTS {
        let bundle = File::open(log.zip("forms.zip", &asked)).unwrap();
        let made = interchange(bundle, *form, None, bounds, &spool).unwrap();
        assert_eq!(made.name(), format!("{}-{}.zip", asked.folder(), form.as_str()));
        let again = log.bundle(&asked, &log.newest()).unwrap();
        let again = files_of_bundle(&again, *form, &spool, &|| true).unwrap();
        let (made, again) = (unzipped(&made), unzipped(&again));
        assert!(made == again, "{}", form.as_str());
        assert_eq!(made.len(), 2 + 2 * usize::from(*form == Form::Rsmf), "{}", form.as_str());
    }
}

/// The files go by the bundle's own decisions: a vCon shows its texts as they are.
#[test]
fn what_a_bundle_withholds_is_in_no_file_of_it() {
    let log = Log::new();
    let mut hidden = request(&["c-林/1", "c2"]);
    hidden.redact = vec![Redaction::parse("body@message:c2/m1").unwrap()];
    let mut open = request(&["c-林/1", "c2"]);
    open.with_private = true;
    let spool = DiskSpace::of(log.folder.path().to_path_buf(), 0);
    let texts = |request| {
        let bundle = log.bundle(request, &log.newest()).unwrap();
        let files = files_of_bundle(&bundle, Form::Vcon, &spool, &|| true).unwrap();
        unzipped(&files)
            .into_iter()
            .map(|(_, bytes)| String::from_utf8(bytes).unwrap())
            .collect::<String>()
    };
    let (hidden, open) = (texts(&hidden), texts(&open));
    let count = |text: &str, word: &str| text.matches(word).count();
    assert_eq!(count(&hidden, "careful with this one"), 0);
    assert!(count(&open, "careful with this one") > 0);
    // Of two chats that say the same, one hides it.
    assert_eq!(count(&hidden, "杯子碎了") * 2, count(&open, "杯子碎了"));
    assert!(hidden.contains("\"redacted\":1") && hidden.contains("\"private\":3"), "{hidden}");
}

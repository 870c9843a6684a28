//! The words that every bundle carries: for a judge, for a technician, and the second verifier.

use super::spool::BundleFile;

const README_EN: &str = include_str!("texts/README.en.md");
const README_ZH: &str = include_str!("texts/README.zh.md");
const VERIFY: &str = include_str!("texts/VERIFY.md");
const VERIFY_PY: &str = include_str!("texts/verify.py");

/// The files, of a bundle with these holes: a reader must not find them out by counting.
pub(super) fn files(holes: &[String]) -> Vec<BundleFile> {
    let (mut english, mut chinese) = (String::new(), String::new());
    if !holes.is_empty() {
        let holes = holes.join(", ");
        english = format!(
            "**This bundle has holes: {holes}.** data/attachments.jsonl names each of them.\n\n"
        );
        chinese = format!("**本证据包有缺口：{holes}。** data/attachments.jsonl 逐一列出。\n\n");
    }
    vec![
        BundleFile::of("README.en.md", english + README_EN),
        BundleFile::of("README.zh.md", chinese + README_ZH),
        BundleFile::of("VERIFY.md", VERIFY),
        BundleFile::of("verify.py", VERIFY_PY),
    ]
}

//! What platforms take as evidence. Each limit names the page of the platform's help that says it, and when
//! it was read; a figure that no page confirmed says so.
//!
//! A new platform is a variant and its limits here, and nothing elsewhere.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Megabytes as platforms count them when they are strict.
const MB: usize = 1_000_000;

/// For whom a pack is made.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    clap::ValueEnum,
    strum::IntoStaticStr,
    ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Profile {
    /// PDF/A, 2 MB a file, fewer than 50 pages
    Shopify,
    /// One file of 4.5 MB, and the text fields of 20,000 characters
    Stripe,
    /// 8 MB, 20 pages with those that Wave adds, no links
    Wave,
    /// No limits
    #[default]
    Print,
}

/// What a platform takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the document.
    pub bytes_max: usize,
    pub pages_max: usize,
    /// Text fields beside the document, where there are any.
    pub fields: Option<TextFields>,
    /// Where it is said.
    pub source: &'static str,
}

/// What a platform asks for beside the document, by the names of its API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextFields {
    /// Where the text goes, of so many characters at most.
    pub text: &'static str,
    pub text_chars_max: usize,
    /// Where the document goes: the id that it gets when it is uploaded.
    pub document: &'static str,
}

/// Pages of one document where no platform says: × about 200 KiB in memory, of 5,000 glyphs each, = 400 MiB.
const PAGES_MAX: usize = 2_000;
/// Bytes of one document where no platform says.
const BYTES_MAX: usize = 64 * 1024 * 1024;

impl Profile {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    pub fn limits(self) -> Limits {
        match self {
            // "Chargebacks in the Shopify admin", Shopify Help Center, read on 2026-11-28: PDF, JPEG or
            // PNG; PDFs are PDF/A, have fewer than 50 pages and are no portfolios; a file does not exceed
            // 2 MB, all together 4 MB. A pack is one file, so the first is the limit.
            Profile::Shopify => Limits {
                bytes_max: 2 * MB,
                pages_max: 49,
                fields: None,
                source: "https://help.shopify.com/en/manual/payments/shopify-payments/managing-chargebacks/chargebacks-shopify-admin",
            },
            // Text fields take 20,000 characters each and 150,000 together, and `customer_communication`
            // is the id of an uploaded file: Stripe API, update a dispute, read on 2026-11-28. That all
            // files together take 4.5 MB is from our notes on Stripe's guide to disputes: no page that
            // could be read confirmed it. So is the 50th page, at which issuers stop reading.
            Profile::Stripe => Limits {
                bytes_max: 4_500_000,
                pages_max: 49,
                fields: Some(TextFields {
                    text: "uncategorized_text",
                    text_chars_max: 20_000,
                    document: "customer_communication",
                }),
                source: "https://docs.stripe.com/api/disputes/update",
            },
            // "Putting together your chargeback documents", Wave Help Center, read on 2026-11-28: all
            // documents together 8 MB, 20 pages of which Wave needs some for its cover letter and the
            // invoice, so that it advises 14 to 18; banks take no links.
            Profile::Wave => Limits {
                bytes_max: 8 * MB,
                pages_max: 18,
                fields: None,
                source: "https://support.waveapps.com/hc/en-us/articles/360052936371-Putting-together-your-chargeback-documents",
            },
            Profile::Print => Limits {
                bytes_max: BYTES_MAX,
                pages_max: PAGES_MAX,
                fields: None,
                source: "no platform: bounds of verbatim's own",
            },
        }
    }
}

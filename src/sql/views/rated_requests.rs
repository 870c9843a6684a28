//! One row per request for a rating that was answered by one, whoever has the credit. Asked about, not counted: filters leave it whole.

use super::Meaning::Of;
use super::View;

pub(super) const VIEW: View = View {
    name: "rated_requests",
    sql: r#"
SELECT DISTINCT shop, conversation, requested_at, requested_offset
FROM ratings
WHERE kind = 'rating' AND requested_at IS NOT NULL
"#,
    columns: &[
        ("shop", Of("ratings")),
        ("conversation", Of("ratings")),
        ("requested_at", Of("ratings")),
        ("requested_offset", Of("ratings")),
    ],
};

//! Examples for tests.

use super::Example;

/// Of two categories in two languages.
pub(crate) fn examples() -> Vec<Example> {
    let refund = [
        "I want a refund",
        "please refund my money",
        "refund not received yet",
        "money back please",
        "when do I get my refund",
        "give me the money back",
        "我要退款",
        "退款什么时候到",
        "请退款给我",
        "怎么申请退款",
    ];
    let delivery = [
        "where is my parcel",
        "the parcel has not arrived",
        "when does my parcel arrive",
        "parcel still not here",
        "track my parcel",
        "the courier lost my parcel",
        "快递什么时候到",
        "快递还没到",
        "我的快递在哪里",
        "快递丢了怎么办",
    ];
    let of = |texts: [&str; 10], category: &str| {
        let example =
            |text: &str| Example { text: text.to_string(), category: category.to_string() };
        texts.map(example)
    };
    of(refund, "refund").into_iter().chain(of(delivery, "delivery")).collect()
}

//! What stands for an erased customer: the same in every record and row, and nobody's name. Whoever
//! has the key can test a guess; without it, it leads to nobody.

use super::leaf::sha256;

const DOMAIN: &[u8] = b"verbatim/pseudonym/v1";
/// How a pseudonym begins, so that a reader sees what it is.
const PREFIX: &str = "erased-";
/// Bytes of it: two customers never share one.
const BYTES: usize = 16;

/// Makes pseudonyms of one data directory.
#[derive(Clone)]
pub struct Pseudonyms {
    key: [u8; 32],
}

impl Pseudonyms {
    pub fn new(key: [u8; 32]) -> Pseudonyms {
        Pseudonyms { key }
    }

    /// The pseudonym of a customer of a shop; of a pseudonym, itself.
    pub fn of(&self, shop: &str, customer: &str) -> String {
        if is_pseudonym(customer) {
            return customer.to_string();
        }
        // No id holds a zero byte. Hashed twice, so that nothing can be appended to what is hashed.
        let said = [DOMAIN, shop.as_bytes(), customer.as_bytes()].join(&0);
        let inner = sha256(&[&self.key[..], &said].concat());
        let digest = sha256(&[&self.key[..], &inner].concat());
        format!("{PREFIX}{}", hex::encode(&digest[..BYTES]))
    }
}

fn is_pseudonym(id: &str) -> bool {
    let digits = id.strip_prefix(PREFIX).unwrap_or_default();
    digits.len() == 2 * BYTES && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_one_customers_of_one_shop_and_stays() {
        let pseudonyms = Pseudonyms::new([7; 32]);
        let ann = pseudonyms.of("s", "ann");
        assert_eq!(ann, pseudonyms.of("s", "ann"));
        assert_eq!(ann, pseudonyms.of("s", &ann), "what was erased is erased again");
        assert!(!ann.contains("ann") && ann.len() == 39);
        for other in [
            pseudonyms.of("t", "ann"),
            pseudonyms.of("s", "bob"),
            Pseudonyms::new([8; 32]).of("s", "ann"),
        ] {
            assert_ne!(ann, other);
        }
    }
}

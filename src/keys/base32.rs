//! Bytes as text that people copy from paper: base 32 in Crockford's alphabet, which has no letter that
//! looks like a digit. Five bytes are eight characters; only whole groups are taken.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUP_BYTES: usize = 5;
const GROUP_CHARACTERS: usize = 8;

/// The text of bytes whose number is a multiple of five (a shorter last group is filled with zeros).
pub(super) fn encode(bytes: &[u8]) -> Zeroizing<String> {
    let groups = bytes.len().div_ceil(GROUP_BYTES);
    let mut text = Zeroizing::new(String::with_capacity(groups * GROUP_CHARACTERS));
    for group in bytes.chunks(GROUP_BYTES) {
        let mut wide = [0; 8];
        wide[3..3 + group.len()].copy_from_slice(group);
        let bits = u64::from_be_bytes(wide);
        for place in (0..GROUP_CHARACTERS).rev() {
            let digit = usize::from((bits >> (5 * place)) as u8 & 31);
            text.push(char::from(ALPHABET[digit]));
        }
    }
    text
}

/// The bytes of such a text, or `None` where it has another length or a foreign character. Small letters
/// are taken; so are `O` for zero, `I` and `L` for one.
pub(super) fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if !text.len().is_multiple_of(GROUP_CHARACTERS) {
        return None;
    }
    let groups = text.len() / GROUP_CHARACTERS;
    let mut bytes = Zeroizing::new(Vec::with_capacity(groups * GROUP_BYTES));
    for group in text.as_bytes().chunks(GROUP_CHARACTERS) {
        let mut bits = 0_u64;
        for character in group {
            bits = bits << 5 | u64::from(value_of(*character)?);
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[3..]);
    }
    Some(bytes)
}

fn value_of(character: u8) -> Option<u8> {
    let upper = match character.to_ascii_uppercase() {
        b'O' => b'0',
        b'I' | b'L' => b'1',
        other => other,
    };
    ALPHABET.iter().position(|letter| *letter == upper).and_then(|place| u8::try_from(place).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_texts() {
        assert_eq!(encode(&[0; 5]).as_str(), "00000000");
        assert_eq!(encode(&[0xff; 5]).as_str(), "ZZZZZZZZ");
        assert_eq!(encode(&[0x00, 0x44, 0x32, 0x14, 0xc7]).as_str(), "01234567");
        assert_eq!(decode("oil23456"), decode("01123456"));
        assert!(decode("0123456").is_none());
        assert!(decode("0123456U").is_none());
        assert!(decode("012345é").is_none());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(groups in proptest::collection::vec(any::<[u8; 5]>(), 0..8)) {
            let bytes = groups.concat();
            let text = encode(&bytes);
            for text in [text.to_string(), text.to_lowercase()] {
                let read = decode(&text).expect("whole groups of its own letters");
                prop_assert_eq!(read.as_slice(), bytes.as_slice());
            }
        }
    }
}

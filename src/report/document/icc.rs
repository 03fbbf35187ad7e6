//! The sRGB colour profile that a PDF's output intent names.
//!
//! Written out here (ICC.1:2001-04, a three-component matrix profile, version 2.1) instead of
//! shipped as a file: it is a page of well-known numbers, and free of anyone's licence.

use std::sync::LazyLock;

/// What the profile is called.
pub(super) const NAME: &str = "sRGB IEC61966-2.1";

/// Points of the tone curve.
const CURVE_POINTS: u16 = 1024;

/// The primaries of IEC 61966-2-1 adapted to D50, and the D50 white, as s15Fixed16 X, Y, Z.
const MATRIX: [(&[u8; 4], [u32; 3]); 4] = [
    (b"rXYZ", [0x6FA2, 0x38F5, 0x0390]),
    (b"gXYZ", [0x6297, 0xB787, 0x18D9]),
    (b"bXYZ", [0x249F, 0x0F84, 0xB6C4]),
    (b"wtpt", [0xF6D6, 0x1_0000, 0xD32D]),
];

/// The profile's bytes.
pub(super) fn srgb() -> &'static [u8] {
    static PROFILE: LazyLock<Vec<u8>> = LazyLock::new(build);
    &PROFILE
}

fn build() -> Vec<u8> {
    let mut elements: Vec<(&[u8; 4], Vec<u8>)> =
        vec![(b"desc", description(NAME)), (b"cprt", text("No copyright: facts of IEC 61966-2-1"))];
    for (tag, xyz) in MATRIX {
        let mut element = b"XYZ \0\0\0\0".to_vec();
        element.extend(xyz.iter().flat_map(|value| value.to_be_bytes()));
        elements.push((tag, element));
    }
    let curve = curve();
    let shared: [&[u8; 4]; 3] = [b"rTRC", b"gTRC", b"bTRC"];

    let count = elements.len() + shared.len();
    let mut offset = 128 + 4 + 12 * count;
    let mut table = be32(count);
    let mut data = Vec::new();
    let mut entry = |tag: &[u8; 4], at: usize, length: usize| {
        table.extend_from_slice(tag);
        table.extend(be32(at));
        table.extend(be32(length));
    };
    for (tag, element) in elements {
        entry(tag, offset, element.len());
        let padded = element.len().next_multiple_of(4);
        data.extend_from_slice(&element);
        data.resize(data.len() + padded - element.len(), 0);
        offset += padded;
    }
    for tag in shared {
        entry(tag, offset, curve.len());
    }
    data.extend_from_slice(&curve);
    data.resize(data.len().next_multiple_of(4), 0);

    let mut profile = header(128 + table.len() + data.len());
    profile.extend(table);
    profile.extend(data);
    profile
}

fn header(size: usize) -> Vec<u8> {
    let mut header = be32(size);
    header.extend_from_slice(b"\0\0\0\0"); // no preferred engine
    header.extend_from_slice(&[2, 0x10, 0, 0]); // version 2.1
    header.extend_from_slice(b"mntrRGB XYZ ");
    for part in [2001u16, 4, 1, 0, 0, 0] {
        header.extend(part.to_be_bytes()); // the date of the specification
    }
    header.extend_from_slice(b"acsp");
    header.resize(68, 0); // no platform, flags, device, attributes; perceptual
    for value in [0xF6D6u32, 0x1_0000, 0xD32D] {
        header.extend(value.to_be_bytes()); // D50, the illuminant of the connection space
    }
    header.resize(128, 0);
    header
}

fn description(name: &str) -> Vec<u8> {
    let mut element = b"desc\0\0\0\0".to_vec();
    element.extend(be32(name.len() + 1));
    element.extend_from_slice(name.as_bytes());
    element.push(0);
    element.resize(element.len() + 4 + 4 + 2 + 1 + 67, 0); // no Unicode and no script names
    element
}

fn text(content: &str) -> Vec<u8> {
    let mut element = b"text\0\0\0\0".to_vec();
    element.extend_from_slice(content.as_bytes());
    element.push(0);
    element
}

/// The transfer function of IEC 61966-2-1, sampled.
fn curve() -> Vec<u8> {
    let mut element = b"curv\0\0\0\0".to_vec();
    element.extend(u32::from(CURVE_POINTS).to_be_bytes());
    for step in 0..CURVE_POINTS {
        let v = f64::from(step) / f64::from(CURVE_POINTS - 1);
        let linear = if v <= 0.040_45 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) };
        let sample = (linear * 65_535.0).round() as u16;
        element.extend(sample.to_be_bytes());
    }
    element
}

fn be32(value: usize) -> Vec<u8> {
    u32::try_from(value).unwrap_or(u32::MAX).to_be_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn be(bytes: &[u8], at: usize) -> usize {
        u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
    }

    #[test]
    fn every_tag_of_the_profile_lies_inside_it() {
        let profile = srgb();
        assert_eq!(be(profile, 0), profile.len());
        assert_eq!(&profile[36..40], b"acsp");
        assert_eq!(be(profile, 128), 9);
        for tag in 0..9 {
            let at = 132 + 12 * tag;
            let (offset, length) = (be(profile, at + 4), be(profile, at + 8));
            assert!(offset % 4 == 0 && offset >= 240 && offset + length <= profile.len());
        }
    }

    #[test]
    fn primaries_add_up_to_the_white_point() {
        for axis in 0..3 {
            let sum: u32 = MATRIX[..3].iter().map(|(_, xyz)| xyz[axis]).sum();
            assert!(sum.abs_diff(MATRIX[3].1[axis]) <= 2, "axis {axis}: {sum:x}");
        }
    }
}

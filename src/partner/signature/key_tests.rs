//! Keys in and out, and keys refused.

use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use serde_json::json;

use super::der::write_pem;
use super::vectors::{
    ED25519_PRIVATE, ED25519_PUBLIC, P256_PRIVATE, P256_PUBLIC, RSA_PSS_PRIVATE, RSA_PSS_PUBLIC,
    RSA_PUBLIC,
};
use super::{Algorithm, KeyError, PublicKey, SigningKey};
use crate::kernel::bytes::{base64url, hex};
use crate::kernel::{Env, Time};

const PAIRS: [(&str, &str, Algorithm); 3] = [
    (ED25519_PRIVATE, ED25519_PUBLIC, Algorithm::Ed25519),
    (P256_PRIVATE, P256_PUBLIC, Algorithm::EcdsaP256Sha256),
    (RSA_PSS_PRIVATE, RSA_PSS_PUBLIC, Algorithm::RsaPssSha512),
];

/// RFC 7638 section 3.1.
#[test]
fn rsa_thumbprint_is_that_of_rfc_7638() {
    let key = PublicKey::from_jwk(&json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6t\
              Soc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-\
              65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qN\
              Lyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa\
              pJzKnqDKgw",
        "e": "AQAB",
        "alg": "RS256",
        "kid": "2011-04-29"
    }));
    // Its alg is PKCS #1 v1.5, which the profile does not use.
    assert!(matches!(key, Err(KeyError::Unsupported(_))));
    let key = PublicKey::from_jwk(&json!({
        "kty": "RSA",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6t\
              Soc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-\
              65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qN\
              Lyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awa\
              pJzKnqDKgw",
        "e": "AQAB",
        "kid": "2011-04-29"
    }));
    let thumbprint = key.map(|key| key.thumbprint());
    assert_eq!(thumbprint.as_deref(), Ok("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
}

/// RFC 8037 appendix A.3; RFC 9421 appendix B.1.4, whose thumbprint web-bot-auth prints.
#[test]
fn ed25519_thumbprints_are_those_published() {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let key = PublicKey::from_jwk(&json!({"kty": "OKP", "crv": "Ed25519", "x": x}));
    let thumbprint = key.map(|key| key.thumbprint());
    assert_eq!(thumbprint.as_deref(), Ok("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"));
    let thumbprint = PublicKey::from_pem(ED25519_PUBLIC).map(|key| key.thumbprint());
    assert_eq!(thumbprint.as_deref(), Ok("poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U"));
}

#[test]
fn keys_survive_every_form_they_are_kept_in() -> Result<(), KeyError> {
    for (private, public, algorithm) in PAIRS {
        let key = PublicKey::from_pem(public)?;
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.to_pem().trim(), public.trim());
        assert_eq!(PublicKey::from_json(&key.to_json())?, key);
        assert_eq!(PublicKey::from_jwk(&key.to_jwk())?, key);
        assert_eq!(key.to_jwk()["kid"], key.thumbprint());
        assert_eq!(key.thumbprint().len(), 43);

        let signer = SigningKey::from_pem(private)?;
        assert_eq!((signer.public(), signer.algorithm()), (key.clone(), algorithm));
        let again = SigningKey::from_pem(&signer.to_pem())?;
        assert_eq!(*again.to_pem(), *signer.to_pem());
        assert!(key.verify(b"words", &again.sign(b"words")));
        assert!(!key.verify(b"other words", &again.sign(b"words")));
    }
    assert_eq!(*SigningKey::from_pem(ED25519_PRIVATE)?.to_pem(), ED25519_PRIVATE.trim_start());
    assert_eq!(PublicKey::from_pem(RSA_PUBLIC)?.algorithm(), Algorithm::RsaPssSha512);
    Ok(())
}

#[test]
fn signatures_have_the_length_their_algorithm_says() -> Result<(), KeyError> {
    let lengths = [64, 64, 256];
    for ((private, ..), length) in PAIRS.into_iter().zip(lengths) {
        assert_eq!(SigningKey::from_pem(private)?.sign(b"words").len(), length);
    }
    Ok(())
}

#[test]
fn generated_keys_come_from_the_environment_alone() -> Result<(), KeyError> {
    let key = |seed| SigningKey::generate(&Env::fixed(Time::default(), seed).0);
    assert_eq!(*key(1)?.to_pem(), *key(1)?.to_pem());
    assert_ne!(key(1)?.keyid(), key(2)?.keyid());
    assert!(key(1)?.public().verify(b"words", &key(1)?.sign(b"words")));
    Ok(())
}

#[test]
fn pkcs8_of_version_2_is_read() -> Result<(), KeyError> {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).expect("entropy");
    let key = SigningKey::from_pem(&write_pem("PRIVATE KEY", document.as_ref()))?;
    assert_eq!(*SigningKey::from_pem(&key.to_pem())?.to_pem(), *key.to_pem());
    // A public half that is not the seed's own would make signatures that leak the key.
    let mut other = document.as_ref().to_vec();
    *other.last_mut().expect("a byte") ^= 1;
    assert!(SigningKey::from_pem(&write_pem("PRIVATE KEY", &other)).is_err());
    Ok(())
}

#[test]
fn curve_parameters_before_a_key_are_passed_over() -> Result<(), KeyError> {
    let text = format!(
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----{P256_PRIVATE}"
    );
    assert_eq!(SigningKey::from_pem(&text)?.public(), PublicKey::from_pem(P256_PUBLIC)?);
    Ok(())
}

#[test]
fn secrets_are_not_printed() -> Result<(), KeyError> {
    let key = SigningKey::from_pem(ED25519_PRIVATE)?;
    let text = format!("{key:?}");
    assert_eq!(text, "SigningKey(ed25519 poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U)");
    Ok(())
}

#[test]
fn private_keys_are_refused_where_public_ones_belong() {
    for (private, ..) in PAIRS {
        assert_eq!(PublicKey::from_pem(private), Err(KeyError::Private));
    }
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "", "d": ""});
    assert_eq!(PublicKey::from_jwk(&jwk), Err(KeyError::Private));
    assert_eq!(PublicKey::from_jwk(&json!({"kty": "oct", "k": "AA"})), Err(KeyError::Private));
}

#[test]
fn keys_that_prove_nothing_are_refused() {
    let rsa = |bits: usize, last: u8, e: &str| {
        let mut n = vec![0xff; bits / 8];
        *n.last_mut().expect("a byte") = last;
        PublicKey::from_jwk(&json!({"kty": "RSA", "n": base64url(&n), "e": e}))
            .map_err(|error| error.code())
    };
    assert!(rsa(2048, 0xff, "AQAB").is_ok());
    assert!(rsa(8192, 0xff, "AQAB").is_ok());
    assert_eq!(rsa(2040, 0xff, "AQAB"), Err("key_weak"));
    assert_eq!(rsa(8200, 0xff, "AQAB"), Err("key_unsupported"));
    assert_eq!(rsa(2048, 0xfe, "AQAB"), Err("key_weak"));
    assert_eq!(rsa(2048, 0xff, "AQ"), Err("key_weak"));
    assert_eq!(rsa(2048, 0xff, "AAAA"), Err("key_weak"));
}

/// One signature, made without any key, that fits messages at will under each of these points:
/// `ring` takes it, so the key must be refused when it is registered.
#[test]
fn ed25519_points_of_small_order_are_refused() {
    let filled = |low: u8, fill: u8, high: u8| {
        let mut point = [fill; 32];
        (point[0], point[31]) = (low, high);
        hex(&point)
    };
    let points = [
        filled(0, 0, 0),
        filled(1, 0, 0),
        filled(0xec, 0xff, 0x7f),
        filled(0xed, 0xff, 0x7f),
        filled(0xee, 0xff, 0x7f),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".to_owned(),
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(),
    ];
    let mut forged = [0; 64];
    forged[0] = 1;
    for point in points {
        let point = crate::kernel::bytes::digest_from_hex(&point).expect("32 bytes");
        let raw = UnparsedPublicKey::new(&ED25519, point);
        assert!((0..200_u8).any(|n| raw.verify(&[n], &forged).is_ok()), "{}", hex(&point));
        let x = base64url(&point);
        let key = PublicKey::from_jwk(&json!({"kty": "OKP", "crv": "Ed25519", "x": x}));
        assert_eq!(key.map_err(|error| error.code()), Err("key_weak"));
    }
}

#[test]
fn what_is_not_a_key_of_ours_is_refused_by_code() {
    let pem = |text: &str| PublicKey::from_pem(text).map_err(|error| error.code());
    assert_eq!(pem(""), Err("key_malformed"));
    assert_eq!(pem(&[ED25519_PUBLIC, P256_PUBLIC].concat()), Err("key_malformed"));
    assert_eq!(pem(&write_pem("PUBLIC KEY", b"not DER")), Err("key_malformed"));
    assert_eq!(pem(&write_pem("CERTIFICATE", b"")), Err("key_unsupported"));
    assert_eq!(pem(&ED25519_PUBLIC.replace("MCow", "MC*w")), Err("key_malformed"));
    let jwk = |jwk| PublicKey::from_jwk(&jwk).map_err(|error| error.code());
    assert_eq!(jwk(json!({})), Err("key_malformed"));
    assert_eq!(jwk(json!({"kty": "EC", "crv": "P-384"})), Err("key_unsupported"));
    assert_eq!(
        jwk(json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"})),
        Err("key_malformed")
    );
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let meant_for = |name: &str, value: &str| {
        let mut key = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        key[name] = value.into();
        jwk(key).map(|_| ())
    };
    assert_eq!(meant_for("use", "enc"), Err("key_unsupported"));
    assert_eq!(meant_for("alg", "ES256"), Err("key_unsupported"));
    assert_eq!(meant_for("alg", "Ed25519"), Ok(()));
    let private = SigningKey::from_pem(&write_pem("ENCRYPTED PRIVATE KEY", b""));
    assert_eq!(private.map_err(|error| error.code()).err(), Some("key_unsupported"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_reading_a_key_panic(
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<prop::sample::Index>(),
    ) {
        for (private, public, _) in PAIRS {
            for (text, label) in [(private, "PRIVATE KEY"), (public, "PUBLIC KEY")] {
                let (_, der) = super::der::read_pem(text).expect("a key");
                let mut der = der.to_vec();
                *at.get_mut(&mut der) = byte;
                der.truncate(cut.index(der.len() * 4));
                let _ = SigningKey::from_pem(&write_pem(label, &der));
                let _ = PublicKey::from_pem(&write_pem(label, &der));
                let mut text = text.as_bytes().to_vec();
                *at.get_mut(&mut text) = byte & 0x7f;
                let _ = PublicKey::from_pem(&String::from_utf8_lossy(&text));
            }
        }
    }
}

//! Published vectors (`vectors/README.md` says whose), and what has to hold of any key and data.

use proptest::prelude::*;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::aws::Parts;
use super::aws_rules::AwsRules;
use super::encoding::{from_base64, from_hex, hex};
use super::key_pair::{Asymmetric, KeyPair};
use super::*;

/// Appendix A.1.1 of RFC 7515: what is signed in A.2 and A.3, too.
const CLAIMS: &str =
    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}";
const RSA_PKCS8: &str = include_str!("vectors/rfc7515-a2.pkcs8.pem");
const RSA_PKCS1: &str = include_str!("vectors/rfc7515-a2.pkcs1.pem");
const P256_PKCS8: &str = include_str!("vectors/rfc7515-a3.pkcs8.pem");
const P256_SEC1: &str = include_str!("vectors/rfc7515-a3.sec1.pem");
const ED25519_PKCS8: &str = include_str!("vectors/rfc8037-a1.pkcs8.pem");
/// The public keys of these, as `ring` takes them.
const RSA_PUBLIC: &str = "3082010a0282010100a1f8160ae2e3c9b465ce8d2d656263362b927dbe29e1f02477fc1625cc90a136e38bd93497c5b6ea63dd7711e67c7429f956b0fb8a8f089adc4b69893cc1333f53edd019b87784252fec914fe4857769594bea4280d32c0f55bf62944f130396bc6e9bdf6ebdd2bda3678eeca0c668f701b38dbffb38c8342ce2fe6d27fade4a5a4874979dd4b9cf9adec4c75b05852c2c0f5ef8a5c1750392f944e8ed64c110c6b647609aa4783aeb9c6c9ad755313050638b83665c6f6f7a82a396702a1f641b82d3ebf2392219491fb686872c5716f50af8358d9a8b9d17c340728f7f87d89a18d8fcab67ad84590c2ecf759339363c07034d6f606f9e21e05456cae5e9a10203010001";
const P256_PUBLIC: &str = "047fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad";
const ED25519_PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

const TEXT: KeyEncoding = KeyEncoding::Text;

fn is_signed(
    algorithm: &'static dyn VerificationAlgorithm,
    public: &str,
    data: &[u8],
    signature: &[u8],
) -> bool {
    let public = UnparsedPublicKey::new(algorithm, from_hex(public.as_bytes()).unwrap());
    public.verify(data, signature).is_ok()
}

/// What of a token is signed, and its signature.
fn parts(token: &str) -> (&str, Vec<u8>) {
    let (signed, signature) = token.rsplit_once('.').unwrap();
    (signed, from_base64(signature).unwrap())
}

/// RFC 4231: key and data, and the codes by SHA-256, SHA-384 and SHA-512.
fn rfc_4231() -> Vec<(Vec<u8>, Vec<u8>, [&'static str; 3])> {
    vec![
        (
            vec![0x0b; 20],
            b"Hi There".to_vec(),
            [
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
                "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59cfaea9ea9076ede7f4af152e8b2fa9cb6",
                "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cdedaa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
            ],
        ),
        (
            b"Jefe".to_vec(),
            b"what do ya want for nothing?".to_vec(),
            [
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ],
        ),
        (
            vec![0xaa; 20],
            vec![0xdd; 50],
            [
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe",
                "88062608d3e6ad8a0aa2ace014c8a86f0aa635d947ac9febe83ef4e55966144b2a5ab39dc13814b94e3ab6e101a34f27",
                "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
            ],
        ),
        (
            (1..=25).collect(),
            vec![0xcd; 50],
            [
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b",
                "3e8a69b7783c25851933ab6290af6ca77a9981480850009cc5577c6e1f573b4e6801dd23c4a7d679ccf8a386c674cffb",
                "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3dba91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
            ],
        ),
        (
            vec![0xaa; 131],
            b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
            [
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
                "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952",
                "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
            ],
        ),
        (
            vec![0xaa; 131],
            b"This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.".to_vec(),
            [
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
                "6617178e941f020d351e2f254e8fd32c602420feb0b8fb9adccebb82461e99c5a678cc31e799176d3860e6110c46523e",
                "e37b6a775dc87dbaa4dfa9f96e5e3ffddebd71f8867289865df5a32d20cdc944b6022cac3c4982b10d5eeb55c3e4de15134676fb6de0446065c97440fa8c6a58",
            ],
        ),
    ]
}

#[test]
fn the_codes_of_rfc_4231_are_made_and_verified() {
    for (key, data, codes) in rfc_4231() {
        let key = HmacKey::new(&hex(&key), KeyEncoding::Hex).unwrap();
        for (hash, code) in [Hash::Sha256, Hash::Sha384, Hash::Sha512]
            .into_iter()
            .zip(codes)
        {
            let made = key.sign(hash, &data).unwrap();
            assert_eq!(hex(&made), code);
            assert!(key.verify(hash, &data, code).unwrap());
            assert!(!key.verify(hash, &data, &code.replace('a', "b")).unwrap());
        }
    }
}

#[test]
fn a_code_is_verified_in_every_spelling_and_cut_in_none() {
    let key = HmacKey::new("secret", TEXT).unwrap();
    let code = key.sign(Hash::Sha256, b"data").unwrap();
    let is = |signature: &str| key.verify(Hash::Sha256, b"data", signature).unwrap();
    let digits = hex(&code);
    assert!(is(&digits));
    assert!(is(&digits.to_uppercase()));
    assert!(is(&format!("sha256={digits}")));
    assert!(is(&Encoding::Base64.encode(&code)));
    assert!(is(&Encoding::Base64Url.encode(&code)));
    for wrong in [
        "",
        "sha256=",
        &digits[..62],
        &format!("sha512={digits}"),
        "zz",
    ] {
        assert!(!is(wrong), "{wrong}");
    }
}

#[test]
fn the_token_of_rfc_7515_appendix_a_1_is_made() {
    let key =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let header = "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}";
    let token = jwt::sign(
        key,
        KeyEncoding::Base64,
        JwtAlgorithm::Hs256,
        header,
        CLAIMS,
    );
    assert_eq!(
        token.unwrap(),
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    );
}

#[test]
fn the_token_of_rfc_7515_appendix_a_2_is_made_from_either_form_of_the_key() {
    let windows = RSA_PKCS8.replace('\n', "\r\n");
    for key in [RSA_PKCS8, RSA_PKCS1, &windows] {
        let token = jwt::sign(key, TEXT, JwtAlgorithm::Rs256, r#"{"alg":"RS256"}"#, CLAIMS);
        assert_eq!(
            token.unwrap(),
            "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        );
    }
}

#[test]
fn a_token_by_the_key_of_rfc_7515_appendix_a_3_verifies_as_the_published_one_does() {
    let published = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    let is_signed = |token: &str| {
        let (signed, signature) = parts(token);
        is_signed(
            &ECDSA_P256_SHA256_FIXED,
            P256_PUBLIC,
            signed.as_bytes(),
            &signature,
        )
    };
    assert!(is_signed(published));
    for key in [
        P256_PKCS8,
        P256_SEC1,
        &P256_PKCS8.trim().replace('\n', r"\n"),
    ] {
        let token = jwt::sign(key, TEXT, JwtAlgorithm::Es256, r#"{"alg":"ES256"}"#, CLAIMS);
        let token = token.unwrap();
        assert_eq!(parts(&token).0, parts(published).0);
        assert!(is_signed(&token));
    }
}

#[test]
fn the_signature_of_rfc_8037_appendix_a_4_is_made() {
    let token = jwt::sign(
        ED25519_PKCS8,
        TEXT,
        JwtAlgorithm::EdDsa,
        r#"{"alg":"EdDSA"}"#,
        "Example of Ed25519 signing",
    );
    assert_eq!(
        token.unwrap(),
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

#[test]
fn a_header_says_what_the_step_says_and_by_what_the_token_is_signed() {
    let made = |header: &str| jwt("secret", TEXT, JwtAlgorithm::Hs256, header, r#"{"n":1.10}"#);
    let token = made(r#"{"kid":"k1"}"#).unwrap();
    let text = |part: &str| String::from_utf8(from_base64(part).unwrap()).unwrap();
    let mut token = token.split('.');
    assert_eq!(
        text(token.next().unwrap()),
        r#"{"alg":"HS256","kid":"k1","typ":"JWT"}"#
    );
    // As it was written: of a number no digit is lost.
    assert_eq!(text(token.next().unwrap()), r#"{"n":1.10}"#);
    for refused in [r#"{"alg":"none"}"#, r#"{"b64":false}"#, "[]", "{"] {
        let code = made(refused).unwrap_err().code;
        assert_eq!(code, SigningCode::InvalidArgument, "{refused}");
    }
}

#[test]
fn what_is_wrong_with_a_key_is_told_and_never_its_text() {
    let cases = [
        (JwtAlgorithm::Rs256, "not a key at all", "no such PEM"),
        (
            JwtAlgorithm::Rs256,
            P256_PKCS8,
            "RS256 takes an RSA private key",
        ),
        (JwtAlgorithm::Rs256, P256_SEC1, "an elliptic-curve key"),
        (JwtAlgorithm::Es256, RSA_PKCS1, "the value is an RSA key"),
        (JwtAlgorithm::Es256, RSA_PKCS8, "of the curve P-256"),
        (JwtAlgorithm::EdDsa, P256_PKCS8, "an Ed25519 private key"),
        (
            JwtAlgorithm::Hs256,
            RSA_PKCS8,
            "HS256 takes a shared secret",
        ),
        (
            JwtAlgorithm::Rs256,
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----",
            "passphrase",
        ),
    ];
    for (algorithm, value, expected) in cases {
        let error = jwt(value, TEXT, algorithm, "{}", "{}").unwrap_err();
        assert_eq!(error.code, SigningCode::InvalidKey, "{algorithm:?}");
        assert!(error.message.contains(expected), "{}", error.message);
        for line in value.lines().filter(|line| !line.starts_with("-----")) {
            assert!(!error.message.contains(line), "{}", error.message);
        }
    }
    let cut = &RSA_PKCS8[..800];
    assert!(jwt(cut, TEXT, JwtAlgorithm::Rs256, "{}", "{}").is_err());
    let error = HmacKey::new("xyz", KeyEncoding::Hex).err().unwrap();
    assert_eq!(
        error.message,
        "the value is not written as hexadecimal digits"
    );
}

#[test]
fn what_is_too_long_is_not_signed() {
    let key = HmacKey::new("secret", TEXT).unwrap();
    let mut data = vec![0; MAX_DATA_BYTES];
    key.sign(Hash::Sha256, &data).unwrap();
    data.push(0);
    let error = key.sign(Hash::Sha256, &data).unwrap_err();
    assert_eq!(error.code, SigningCode::TooLarge);
    assert!(error.message.contains("8388609"), "{}", error.message);
    let claims = format!(r#"{{"a":"{}"}}"#, "x".repeat(MAX_CLAIMS_BYTES));
    let error = jwt("secret", TEXT, JwtAlgorithm::Hs256, "{}", &claims).unwrap_err();
    assert_eq!(error.code, SigningCode::TooLarge);
}

/// One case of AWS's test suite.
#[derive(Deserialize)]
struct AwsCase {
    name: String,
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: String,
    canonical: String,
    signature: String,
    query_signature: Option<String>,
    signs_body: Option<bool>,
    token: Option<String>,
}

impl AwsCase {
    /// The request as a client sends it: through the URL.
    fn parts(&self) -> Parts {
        let host = self.headers.iter().find(|(name, _)| name == "Host");
        let (_, host) = host.expect("a host");
        let url = url::Url::parse(&format!("https://{host}{}", self.target)).unwrap();
        Parts {
            method: self.method.clone(),
            host: host.clone(),
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            headers: self.headers.clone(),
        }
    }

    fn keys(&self) -> AwsKeys<'_> {
        AwsKeys {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            session_token: self.token.as_deref(),
        }
    }

    /// The suite encodes paths once.
    fn rules(&self) -> AwsRules {
        AwsRules {
            encodes_path_twice: self.signs_body.is_none(),
            wants_body_hash: self.signs_body == Some(true),
            ..AwsRules::of("service")
        }
    }
}

fn aws_cases() -> Vec<AwsCase> {
    let cases: Vec<AwsCase> =
        serde_json::from_str(include_str!("vectors/aws-sig-v4.json")).unwrap();
    assert_eq!(cases.len(), 32);
    cases
}

fn scope(service: &str, time_s: i64) -> AwsScope {
    AwsScope {
        region: "us-east-1".to_owned(),
        service: service.to_owned(),
        time_s,
    }
}

/// 2015-08-30T12:36:00Z, the time of the suite.
const SUITE_S: i64 = 1_440_938_160;

#[test]
fn requests_of_the_suite_of_aws_are_signed_in_their_headers() {
    for case in aws_cases() {
        // Those of the two older cases that the crate added are of another time: their path is looked at.
        let is_older = case.signs_body.is_none();
        let time_s = if is_older { 1_620_747_645 } else { SUITE_S };
        let body = hex(&Sha256::digest(&case.body));
        let scope = scope("service", time_s);
        let prepared = case
            .parts()
            .prepare(&case.keys(), &scope, case.rules(), &body)
            .unwrap();
        assert_eq!(*prepared.canonical, case.canonical, "{}", case.name);
        let headers = prepared.sign(&case.keys(), &scope);
        let (name, authorization) = headers.last().unwrap();
        assert_eq!(*name, "authorization");
        let is_expected = authorization.ends_with(&format!("Signature={}", case.signature));
        assert!(is_older || is_expected, "{}: {authorization}", case.name);
    }
}

#[test]
fn requests_of_the_suite_of_aws_are_signed_in_their_urls() {
    let mut count = 0;
    for case in aws_cases() {
        // What has a body is sent with headers.
        let Some(expected) = case
            .query_signature
            .as_ref()
            .filter(|_| case.body.is_empty())
        else {
            continue;
        };
        let (_, signature) = case
            .parts()
            .sign_query(&case.keys(), &scope("service", SUITE_S), case.rules(), 3600)
            .unwrap();
        assert_eq!(signature, *expected, "{}", case.name);
        count += 1;
    }
    assert_eq!(count, 28);
}

/// Examples of the chapter "Authenticating Requests" of the API reference of S3.
#[test]
fn the_examples_of_s3_are_signed() {
    let keys = AwsKeys {
        access_key_id: "AKIAIOSFODNN7EXAMPLE",
        secret_access_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        session_token: None,
    };
    let scope = scope("s3", 1_369_353_600);
    let request = |method: &str, url: &str, headers: &[(&str, &str)]| AwsRequest {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    };
    let get = request(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        &[("Range", "bytes=0-9")],
    );
    let signed = get.sign(&keys, &scope, Some(b"")).unwrap();
    assert_eq!(
        signed.last().unwrap().1,
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
    let put = request(
        "PUT",
        "https://examplebucket.s3.amazonaws.com/test$file.text",
        &[
            ("Date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ],
    );
    let signed = put
        .sign(&keys, &scope, Some(b"Welcome to Amazon S3."))
        .unwrap();
    assert!(
        signed.last().unwrap().1.ends_with(
            "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        ),
        "{signed:?}"
    );
    let link = request(
        "GET",
        "https://examplebucket.s3.amazonaws.com/test.txt",
        &[],
    );
    let url = link.sign_url(&keys, &scope, 86_400).unwrap();
    assert!(
        url.ends_with(
            "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
        ),
        "{url}"
    );
}

#[test]
fn what_a_step_says_itself_of_aws_is_signed_or_replaced() {
    let keys = |session_token| AwsKeys {
        access_key_id: "AKIDEXAMPLE",
        secret_access_key: "secret",
        session_token,
    };
    let request = |url: &str, header: &str, value: &str| AwsRequest {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: vec![(header.to_owned(), value.to_owned())],
    };
    let scope = scope("execute-api", 0);
    let signed =
        |request: AwsRequest, token| request.sign(&keys(token), &scope, Some(b"x")).unwrap();
    let url = "https://a.test/";
    // A token that the step has is signed as that of a credential is, and one of both is the credential's.
    let own = signed(request(url, "X-Amz-Security-Token", "token"), None);
    let of_credential = signed(request(url, "a", ""), Some("token"));
    assert!(
        own[1]
            .1
            .contains("SignedHeaders=host;x-amz-date;x-amz-security-token"),
        "{own:?}"
    );
    let both = signed(request(url, "x-amz-security-token", "other"), Some("token"));
    assert!(
        of_credential[1]
            .1
            .contains("SignedHeaders=a;host;x-amz-date;x-amz-security-token")
    );
    assert_eq!(own, both);
    // A hash is the host's to say, and signed.
    let hash = signed(request(url, "X-Amz-Content-Sha256", "other"), None);
    assert_eq!(hash[1].0, "x-amz-content-sha256");
    assert!(hash[1].1.starts_with("2d711642"), "{hash:?}");
    assert!(
        hash[2]
            .1
            .contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date")
    );
    // A URL that was signed before is signed anew.
    let link = |url: &str| {
        request(url, "a", "")
            .sign_url(&keys(None), &scope, 60)
            .unwrap()
    };
    let once = link("https://a.test/?q=1");
    assert_eq!(link(&once), once);
}

#[test]
fn a_request_that_cannot_be_signed_is_refused_with_the_reason() {
    let keys = AwsKeys {
        access_key_id: "AKIDEXAMPLE",
        secret_access_key: "secret",
        session_token: None,
    };
    let request = |method: &str, url: &str, header: &str| AwsRequest {
        method: method.to_owned(),
        url: url.to_owned(),
        headers: vec![(header.to_owned(), String::new())],
    };
    let refused = [
        (request("GET", "/path", "a"), "service", 0),
        (request("GET", "ftp://a.test/", "a"), "service", 0),
        (request("GE T", "https://a.test/", "a"), "service", 0),
        (request("GET", "https://a.test/", "a\nb"), "service", 0),
        (request("GET", "https://a.test/", "a"), "ser/vice", 0),
        (request("GET", "https://a.test/", "a"), "service", -1),
    ];
    for (request, service, time_s) in refused {
        let signed = request.sign(&keys, &scope(service, time_s), None);
        assert_eq!(signed.unwrap_err().code, SigningCode::InvalidArgument);
    }
    let url = request("GET", "https://a.test/", "a").sign_url(&keys, &scope("s3", 0), 604_801);
    assert!(url.unwrap_err().message.contains("604800"));
}

/// Slack's example ("Verifying requests from Slack"), and bodies signed here for the two other senders.
#[test]
fn a_webhook_is_genuine_if_it_is_signed_and_new() {
    let slack_secret = "8f742231b10e8888abcd99yyyzzz85a5";
    let slack_body = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    let slack = Webhook::Slack {
        signature: "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        timestamp: "1531420618",
    };
    let is = |secret, webhook, body: &[u8], now_s| {
        is_genuine(secret, webhook, body, now_s, 300).unwrap()
    };
    assert!(is(slack_secret, slack, slack_body, 1_531_420_618 + 300));
    assert!(!is(slack_secret, slack, slack_body, 1_531_420_618 + 301));
    assert!(!is(slack_secret, slack, b"another", 1_531_420_618));
    assert!(!is("another", slack, slack_body, 1_531_420_618));

    // The example of GitHub ("Validating webhook deliveries").
    let github = Webhook::Github {
        signature: "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    };
    assert!(is(
        "It's a Secret to Everybody",
        github,
        b"Hello, World!",
        0
    ));
    assert!(!is(
        "It's a Secret to Everybody",
        github,
        b"Hello, World?",
        0
    ));
    let unmarked = Webhook::Github {
        signature: "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    };
    assert!(!is(
        "It's a Secret to Everybody",
        unmarked,
        b"Hello, World!",
        0
    ));

    let code = HmacKey::new("whsec_test", TEXT)
        .unwrap()
        .sign(Hash::Sha256, b"1700000000.{}");
    let header = format!(
        "t=1700000000,v1={},v1={},v0=00",
        "00".repeat(32),
        hex(&code.unwrap())
    );
    let stripe = Webhook::Stripe { signature: &header };
    assert!(is("whsec_test", stripe, b"{}", 1_700_000_300));
    assert!(!is("whsec_test", stripe, b"{}", 1_699_999_699));
    assert!(!is("whsec_test", stripe, b"[]", 1_700_000_000));
    let no_time = Webhook::Stripe { signature: "v1=00" };
    assert!(!is("whsec_test", no_time, b"{}", 0));
}

fn flipped(bytes: &[u8], bit: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let bit = bit % (8 * bytes.len());
    bytes[bit / 8] ^= 1 << (bit % 8);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_code_verifies_and_with_one_bit_changed_does_not(
        key in "[ -~]{1,80}",
        data in proptest::collection::vec(any::<u8>(), 1..200),
        bit in any::<usize>(),
    ) {
        let key = HmacKey::new(&key, TEXT).unwrap();
        for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
            let code = key.sign(hash, &data).unwrap();
            prop_assert!(key.verify(hash, &data, &hex(&code)).unwrap());
            prop_assert!(!key.verify(hash, &flipped(&data, bit), &hex(&code)).unwrap());
            prop_assert!(!key.verify(hash, &data, &hex(&flipped(&code, bit))).unwrap());
        }
    }

    #[test]
    fn a_signature_verifies_and_with_one_bit_changed_does_not(
        data in proptest::collection::vec(any::<u8>(), 1..200),
        bit in any::<usize>(),
    ) {
        let pairs: [(Asymmetric, &str, &'static dyn VerificationAlgorithm, &str); 3] = [
            (Asymmetric::Rs256, RSA_PKCS8, &RSA_PKCS1_2048_8192_SHA256, RSA_PUBLIC),
            (Asymmetric::Es256, P256_PKCS8, &ECDSA_P256_SHA256_FIXED, P256_PUBLIC),
            (Asymmetric::EdDsa, ED25519_PKCS8, &ED25519, ED25519_PUBLIC),
        ];
        for (algorithm, key, verification, public) in pairs {
            let signature = KeyPair::new(algorithm, key).unwrap().sign(&data).unwrap();
            prop_assert!(is_signed(verification, public, &data, &signature));
            prop_assert!(!is_signed(verification, public, &flipped(&data, bit), &signature));
            prop_assert!(!is_signed(verification, public, &data, &flipped(&signature, bit)));
        }
    }
}

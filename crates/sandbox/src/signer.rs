//! Signs for the guest with the credentials of its run: opens the key, has `signing` compute, and counts.
//!
//! A credential is denied as it is where the guest asks for its value, and counts as used; the value is masked from then
//! on. What is signed is what the guest hands in: a placeholder in it would not be what the receiver sees, and is refused.

use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine};

use lockstep_secret::{Zeroizing, with_wiped_stack};

use crate::host::{CredentialDesk, CredentialError, Stop};
use crate::signing::{
    self, AwsKeys, AwsRequest, AwsScope, Hash, HmacKey, JwtAlgorithm, KeyEncoding, SigningCode,
    SigningError, Webhook,
};

/// What a run may sign with private keys: with an RSA key of 4096 bits some 10 ms each.
const MAX_SIGNATURES: u32 = 1_000;
/// The header of a session token, which only the host can fill in.
const AWS_TOKEN: &str = "x-amz-security-token";
/// What the user of `Basic` may have, in bytes.
const MAX_USER_BYTES: usize = 1 << 10;

/// Why the guest gets no signature.
pub(crate) enum Unsigned {
    Missing(CredentialError),
    Refused { key: String, error: SigningError },
}

/// Why nothing is signed.
pub(crate) enum NotSigned {
    /// The guest is told.
    Unsigned(Unsigned),
    /// The run ends.
    Stop(Stop),
}

/// How the guest names the keys of an account of AWS.
pub(crate) struct AwsAccount {
    /// Not a secret: the text itself.
    pub(crate) access_key_id: String,
    /// The keys of credentials.
    pub(crate) secret_access_key: String,
    pub(crate) session_token: Option<String>,
}

/// What the guest has signed for AWS.
pub(crate) struct AwsCall {
    pub(crate) account: AwsAccount,
    pub(crate) request: AwsRequest,
    pub(crate) scope: AwsScope,
}

/// The values of an account of AWS.
struct AwsValues {
    secret: Arc<str>,
    token: Option<Arc<str>>,
}

impl CredentialDesk {
    pub(crate) fn hmac(
        &mut self,
        key: &str,
        encoding: KeyEncoding,
        hash: Hash,
        data: &[u8],
    ) -> Result<Vec<u8>, NotSigned> {
        let value = self.key(key, &[data])?;
        let code = with_wiped_stack(|| HmacKey::new(&value, encoding)?.sign(hash, data));
        refused(key, code)
    }

    pub(crate) fn verify_hmac(
        &mut self,
        key: &str,
        encoding: KeyEncoding,
        hash: Hash,
        data: &[u8],
        signature: &str,
    ) -> Result<bool, NotSigned> {
        let value = self.key(key, &[])?;
        let is_genuine =
            with_wiped_stack(|| HmacKey::new(&value, encoding)?.verify(hash, data, signature));
        refused(key, is_genuine)
    }

    pub(crate) fn verify_webhook(
        &mut self,
        key: &str,
        webhook: Webhook<'_>,
        body: &[u8],
        now_s: i64,
        tolerance_s: u32,
    ) -> Result<bool, NotSigned> {
        let secret = self.key(key, &[])?;
        let is_genuine =
            with_wiped_stack(|| signing::is_genuine(&secret, webhook, body, now_s, tolerance_s));
        refused(key, is_genuine)
    }

    pub(crate) fn jwt(
        &mut self,
        key: &str,
        encoding: KeyEncoding,
        algorithm: JwtAlgorithm,
        header: &str,
        claims: &str,
    ) -> Result<String, NotSigned> {
        let value = self.key(key, &[header.as_bytes(), claims.as_bytes()])?;
        if algorithm != JwtAlgorithm::Hs256 {
            refused(key, self.count())?;
        }
        let token = with_wiped_stack(|| signing::jwt(&value, encoding, algorithm, header, claims));
        refused(key, token)
    }

    /// The headers to add to a request. `body`: `None` if it is not signed.
    pub(crate) fn aws_v4(
        &mut self,
        call: AwsCall,
        body: Option<&[u8]>,
    ) -> Result<Vec<(&'static str, String)>, NotSigned> {
        let values = self.aws_values(&call, body.unwrap_or_default())?;
        let AwsCall {
            account,
            request,
            scope,
        } = call;
        let signed = with_wiped_stack(|| request.sign(&account.with(&values), &scope, body));
        let mut headers = refused(&account.secret_access_key, signed)?;
        if let Some(token) = &account.session_token {
            // Signed as what it is; the guest has the placeholder of a sealed one.
            let token = self.credential(token)??;
            headers.push((AWS_TOKEN, token.to_string()));
        }
        Ok(headers)
    }

    /// The URL of a request with the signature in it.
    pub(crate) fn aws_v4_url(
        &mut self,
        call: AwsCall,
        expires_s: u32,
    ) -> Result<String, NotSigned> {
        // What stands in a URL is signed, so that no placeholder may.
        let id = call.account.access_key_id.as_bytes();
        let values = self.aws_values(&call, id)?;
        let AwsCall {
            account,
            request,
            scope,
        } = call;
        let key = account.secret_access_key.as_str();
        // It stands in the URL, so that the guest would hold it.
        if let Some(token) = &account.session_token {
            let shown = self.credential(token)??;
            if values.token.as_deref() != Some(&*shown) {
                let error = SigningError::argument(format!(
                    "the sealed credential `{token}` cannot be the session token of a URL: sign the headers of the request"
                ));
                return refused(key, Err(error));
            }
        }
        let url = with_wiped_stack(|| request.sign_url(&account.with(&values), &scope, expires_s));
        refused(key, url)
    }

    /// The header of `Authorization: Basic`. Of a sealed credential it has the placeholder, which the way out opens.
    pub(crate) fn basic(&mut self, user: &str, key: &str) -> Result<String, NotSigned> {
        if let Err(error) = check_user(user) {
            return refused(key, Err(error));
        }
        let password = self.credential(key)??;
        let pair = Zeroizing::new(format!("{user}:{password}"));
        Ok(format!("Basic {}", BASE64_STANDARD.encode(&*pair)))
    }

    /// The value of a credential, for a signature of `parts`.
    fn key(&mut self, key: &str, parts: &[&[u8]]) -> Result<Arc<str>, NotSigned> {
        if let Some(sealed) = parts.iter().find_map(|part| self.placeholder_in(part)) {
            let error = SigningError::argument(format!(
                "the placeholder of the sealed credential `{sealed}` stands in what is to be signed, and the value would be put in its place after that"
            ));
            return refused(key, Err(error));
        }
        Ok(self.open(key)??)
    }

    fn aws_values(&mut self, call: &AwsCall, body: &[u8]) -> Result<AwsValues, NotSigned> {
        let request = &call.request;
        let mut parts = vec![request.url.as_bytes(), body];
        parts.extend(request.headers.iter().map(|(_, value)| value.as_bytes()));
        let secret = self.key(&call.account.secret_access_key, &parts)?;
        let token = match &call.account.session_token {
            Some(token) => Some(self.open(token)??),
            None => None,
        };
        Ok(AwsValues { secret, token })
    }

    fn count(&mut self) -> Result<(), SigningError> {
        if self.signatures == MAX_SIGNATURES {
            return Err(SigningError::new(
                SigningCode::TooMany,
                format!("a run signs {MAX_SIGNATURES} times with private keys at most"),
            ));
        }
        self.signatures += 1;
        Ok(())
    }
}

// === impl AwsAccount ===

impl AwsAccount {
    fn with<'a>(&'a self, values: &'a AwsValues) -> AwsKeys<'a> {
        AwsKeys {
            access_key_id: &self.access_key_id,
            secret_access_key: &values.secret,
            session_token: values.token.as_deref(),
        }
    }
}

// === impl Unsigned ===

impl Unsigned {
    pub(crate) fn code(&self) -> &str {
        match self {
            Self::Missing(error) => &error.code,
            Self::Refused { error, .. } => error.code.as_str(),
        }
    }

    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Missing(error) => &error.key,
            Self::Refused { key, .. } => key,
        }
    }

    pub(crate) fn message(&self) -> String {
        match self {
            Self::Missing(error) => error.message.clone(),
            Self::Refused { key, error } => format!("cannot sign with credential `{key}`: {error}"),
        }
    }
}

// === impl NotSigned ===

impl NotSigned {
    /// What the guest is told, if it is to go on.
    pub(crate) fn told(self) -> Result<Unsigned, Stop> {
        match self {
            Self::Unsigned(unsigned) => Ok(unsigned),
            Self::Stop(stop) => Err(stop),
        }
    }
}

impl From<Stop> for NotSigned {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<CredentialError> for NotSigned {
    fn from(error: CredentialError) -> Self {
        Self::Unsigned(Unsigned::Missing(error))
    }
}

fn refused<T>(key: &str, signed: Result<T, SigningError>) -> Result<T, NotSigned> {
    signed.map_err(|error| {
        NotSigned::Unsigned(Unsigned::Refused {
            key: key.to_owned(),
            error,
        })
    })
}

/// RFC 7617: the first colon ends the user.
fn check_user(user: &str) -> Result<(), SigningError> {
    signing::check_length("the user", user.len(), MAX_USER_BYTES)?;
    if user.contains(':') || user.chars().any(char::is_control) {
        return Err(SigningError::argument(
            "the user of `Basic` has no colon and no control character",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lockstep_secret::{Masker, MaskerConfig, Secret};
    use lockstep_step::{CredentialKey, DenialReason, Scope, Sealing};

    use super::*;
    use crate::credentials::{Credentials, Handling, Reveal, RevealError};

    /// `OPEN` is revealed, `SEALED` and `TOKEN` are sealed, `BARE` must be sealed first, and there is no other.
    struct OfAllKinds;

    fn sealing() -> Sealing {
        Sealing::new(["a.test".parse().unwrap()], []).unwrap()
    }

    impl Credentials for OfAllKinds {
        fn reveal(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
            match key.as_str() {
                "SEALED" | "TOKEN" => Err(RevealError::Sealed(sealing())),
                _ => self.open_sealed(key),
            }
        }

        fn open_sealed(&self, key: &CredentialKey) -> Result<Reveal, RevealError> {
            let value = match key.as_str() {
                "OPEN" => "the-open-canary",
                "SEALED" => "the-sealed-canary",
                "TOKEN" => "the-token-canary",
                "BARE" => return Err(RevealError::Denied(DenialReason::NotSealed)),
                _ => return Err(RevealError::Denied(DenialReason::NotFound)),
            };
            Ok(Reveal {
                secret: Secret::new(value.to_owned()),
                scope: Scope::Workspace,
                version: 1,
            })
        }

        fn check(&self, key: &CredentialKey) -> Result<Handling, DenialReason> {
            match key.as_str() {
                "OPEN" => Ok(Handling::Reveal),
                "SEALED" | "TOKEN" => Ok(Handling::Sealed(sealing())),
                _ => Err(DenialReason::NotFound),
            }
        }

        fn keys(&self) -> Vec<CredentialKey> {
            Vec::new()
        }
    }

    fn desk() -> (CredentialDesk, Masker) {
        let masker = Masker::new(MaskerConfig::default());
        (
            CredentialDesk::new(Arc::new(OfAllKinds), masker.clone()),
            masker,
        )
    }

    fn signed<T>(result: Result<T, NotSigned>) -> Result<T, (String, String)> {
        result.map_err(|error| match error {
            NotSigned::Unsigned(unsigned) => (unsigned.code().to_owned(), unsigned.message()),
            NotSigned::Stop(stop) => panic!("{stop}"),
        })
    }

    fn hmac(
        desk: &mut CredentialDesk,
        key: &str,
        data: &[u8],
    ) -> Result<Vec<u8>, (String, String)> {
        signed(desk.hmac(key, KeyEncoding::Text, Hash::Sha256, data))
    }

    fn call(session_token: Option<&str>) -> AwsCall {
        AwsCall {
            account: AwsAccount {
                access_key_id: "AKIDEXAMPLE".to_owned(),
                secret_access_key: "SEALED".to_owned(),
                session_token: session_token.map(str::to_owned),
            },
            request: AwsRequest {
                method: "GET".to_owned(),
                url: "https://a.test/".to_owned(),
                headers: Vec::new(),
            },
            scope: AwsScope {
                region: "eu-central-1".to_owned(),
                service: "s3".to_owned(),
                time_s: 0,
            },
        }
    }

    #[test]
    fn signing_is_a_use_of_a_credential_sealed_or_not_and_masks_its_value() {
        let (mut desk, masker) = desk();
        for _ in 0..2 {
            hmac(&mut desk, "OPEN", b"data").unwrap();
            hmac(&mut desk, "SEALED", b"data").unwrap();
        }
        let said = masker.mask("the-open-canary, the-sealed-canary, the-token-canary");
        assert_eq!(said.as_str(), "***, ***, the-token-canary");
        let uses = desk.take_uses();
        let uses: Vec<_> = uses
            .iter()
            .map(|used| (used.key.as_str(), used.sealed))
            .collect();
        assert_eq!(uses, [("OPEN", false), ("SEALED", true)]);
    }

    #[test]
    fn a_credential_that_is_not_there_is_denied_as_where_its_value_is_asked_for() {
        let (mut desk, _) = desk();
        for key in ["NONE", "no key"] {
            let (code, message) = hmac(&mut desk, key, b"data").unwrap_err();
            assert_eq!(code, "missing_credential");
            let asked = desk.credential(key).unwrap().err().unwrap();
            assert_eq!(message, asked.message);
        }
        assert!(desk.was_denied("NONE"));
        let reasons: Vec<_> = desk.denied.iter().map(|denied| denied.reason).collect();
        assert_eq!(reasons, [DenialReason::NotFound, DenialReason::InvalidKey]);
    }

    #[test]
    fn a_credential_that_must_be_sealed_first_signs_nothing_until_it_is() {
        let (mut desk, _) = desk();
        let (code, _) = hmac(&mut desk, "BARE", b"data").unwrap_err();
        assert_eq!(code, "sealing_required");
        assert_eq!(desk.denied[0].reason, DenialReason::NotSealed);
    }

    #[test]
    fn a_placeholder_is_not_signed() {
        let (mut desk, _) = desk();
        let placeholder = desk.credential("TOKEN").unwrap().ok().unwrap();
        let (code, message) = hmac(&mut desk, "SEALED", placeholder.as_bytes()).unwrap_err();
        assert_eq!(code, "invalid_argument");
        assert!(message.contains("`TOKEN`"), "{message}");
        let mut of_aws = call(None);
        of_aws.request.url.push_str(&placeholder);
        assert!(signed(desk.aws_v4(of_aws, None)).is_err());
        hmac(&mut desk, "SEALED", &placeholder.as_bytes()[1..]).unwrap();
    }

    #[test]
    fn basic_has_the_value_that_is_revealed_and_the_placeholder_of_one_that_is_sealed() {
        let (mut desk, _) = desk();
        let placeholder = desk.credential("SEALED").unwrap().ok().unwrap();
        for (key, password) in [("OPEN", "the-open-canary"), ("SEALED", &*placeholder)] {
            let header = signed(desk.basic("ada", key)).unwrap();
            let pair = BASE64_STANDARD.encode(format!("ada:{password}"));
            assert_eq!(header, format!("Basic {pair}"));
        }
        let (code, _) = signed(desk.basic("a:b", "OPEN")).unwrap_err();
        assert_eq!(code, "invalid_argument");
        // It was never opened.
        assert!(desk.take_uses().iter().all(|used| !used.sealed));
    }

    #[test]
    fn a_sealed_session_token_is_signed_as_it_is_and_shown_as_its_placeholder() {
        let (mut desk, _) = desk();
        let headers = signed(desk.aws_v4(call(Some("TOKEN")), None)).unwrap();
        let shown = desk.credential("TOKEN").unwrap().ok().unwrap();
        assert_eq!(headers.last().unwrap(), &(AWS_TOKEN, shown.to_string()));
        let by_hand = call(None).request.sign(
            &AwsKeys {
                access_key_id: "AKIDEXAMPLE",
                secret_access_key: "the-sealed-canary",
                session_token: Some("the-token-canary"),
            },
            &call(None).scope,
            None,
        );
        assert_eq!(headers[..3], by_hand.unwrap());
        let (code, _) = signed(desk.aws_v4_url(call(Some("TOKEN")), 60)).unwrap_err();
        assert_eq!(code, "invalid_argument");
        let url = signed(desk.aws_v4_url(call(None), 60)).unwrap();
        assert!(url.contains("X-Amz-Signature="), "{url}");
    }

    #[test]
    fn what_is_signed_with_private_keys_is_counted_and_what_is_wrong_names_the_credential() {
        let (mut desk, _) = desk();
        let mut token =
            |algorithm| signed(desk.jwt("SEALED", KeyEncoding::Text, algorithm, "{}", "{}"));
        let (code, message) = token(JwtAlgorithm::Es256).unwrap_err();
        assert_eq!(code, "invalid_key");
        assert!(
            message.starts_with("cannot sign with credential `SEALED`: ES256 takes"),
            "{message}"
        );
        assert!(!message.contains("canary"), "{message}");
        for _ in 1..MAX_SIGNATURES {
            assert_eq!(token(JwtAlgorithm::EdDsa).unwrap_err().0, "invalid_key");
        }
        assert_eq!(token(JwtAlgorithm::Rs256).unwrap_err().0, "too_many");
        token(JwtAlgorithm::Hs256).unwrap();
    }
}

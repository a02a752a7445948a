//! AWS Signature Version 4 of a request, in its headers or in its URL.
//!
//! Written here and not taken from the crate `aws-sigv4`, which brings a dozen crates of the AWS SDK and writes the
//! canonical request, session token and all, to the log; held against the test suite that this crate has.

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;

use lockstep_secret::Zeroizing;

use super::aws_canonical as canonical;
use super::aws_rules::AwsRules;
use super::encoding::hex;
use super::hmac::HmacKey;
use super::{MAX_DATA_BYTES, MAX_HEAD_BYTES, SigningError, check_length};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED_PAYLOAD: &str = "UNSIGNED-PAYLOAD";
/// How long a signature in a URL may hold, in seconds: a week.
const MAX_EXPIRES_S: u32 = 604_800;

const DATE: &str = "x-amz-date";
const BODY_HASH: &str = "x-amz-content-sha256";
const TOKEN: &str = "x-amz-security-token";

/// What a signature puts into a query.
const OF_QUERY: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// A request that is to be signed, without its body.
#[derive(Clone, Debug)]
pub(crate) struct AwsRequest {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// Who signs.
pub(crate) struct AwsKeys<'a> {
    /// Not a secret.
    pub(crate) access_key_id: &'a str,
    pub(crate) secret_access_key: &'a str,
    pub(crate) session_token: Option<&'a str>,
}

/// For what a signature is good, and when.
#[derive(Clone, Debug)]
pub(crate) struct AwsScope {
    pub(crate) region: String,
    pub(crate) service: String,
    /// Seconds since 1970.
    pub(crate) time_s: i64,
}

/// A request in parts.
pub(super) struct Parts {
    pub(super) method: String,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: Vec<(String, String)>,
}

/// A request that is ready to be signed in its headers.
pub(super) struct Prepared {
    moment: Moment,
    /// The headers to add.
    headers: Vec<(&'static str, String)>,
    /// What is signed.
    pub(super) canonical: Zeroizing<String>,
    /// The names of the headers in it.
    names: String,
}

/// A day and a second of it, as AWS writes them, and what the signature is for.
pub(super) struct Moment {
    time: String,
    scope: String,
}

impl AwsRequest {
    /// The headers that sign it. The header of the session token, if there is one, is not among them: the caller knows how
    /// to give it to the guest. `body` is `None` if it is not signed, as S3 allows.
    pub(crate) fn sign(
        self,
        keys: &AwsKeys<'_>,
        scope: &AwsScope,
        body: Option<&[u8]>,
    ) -> Result<Vec<(&'static str, String)>, SigningError> {
        check_length("the body", body.map_or(0, <[u8]>::len), MAX_DATA_BYTES)?;
        let mut rules = AwsRules::of(&scope.service);
        // A header of AWS that is not signed is refused; one of the step's own would be replaced.
        rules.wants_body_hash |= body.is_none() || self.has(BODY_HASH);
        let (parts, _) = self.parts()?;
        let body = body.map_or_else(
            || UNSIGNED_PAYLOAD.to_owned(),
            |body| hex(&Sha256::digest(body)),
        );
        Ok(parts.prepare(keys, scope, rules, &body)?.sign(keys, scope))
    }

    /// Its URL with the signature in it, good for `expires_s` seconds.
    pub(crate) fn sign_url(
        self,
        keys: &AwsKeys<'_>,
        scope: &AwsScope,
        expires_s: u32,
    ) -> Result<String, SigningError> {
        let rules = AwsRules::of(&scope.service);
        let (parts, mut url) = self.parts()?;
        let (query, signature) = parts.sign_query(keys, scope, rules, expires_s)?;
        url.set_query(Some(&format!("{query}&X-Amz-Signature={signature}")));
        Ok(url.into())
    }

    fn has(&self, name: &str) -> bool {
        let mut headers = self.headers.iter();
        headers.any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// A line break in one of them would be another line of what is signed.
    fn check(&self) -> Result<(), SigningError> {
        if http::Method::from_bytes(self.method.as_bytes()).is_err() {
            return Err(SigningError::argument("the method of the request is none"));
        }
        let mut headers = self.headers.iter();
        match headers.find(|(name, _)| http::HeaderName::from_bytes(name.as_bytes()).is_err()) {
            Some(_) => Err(SigningError::argument(
                "the name of a header of the request cannot be one",
            )),
            None => Ok(()),
        }
    }

    fn parts(self) -> Result<(Parts, Url), SigningError> {
        let headers = self.headers.iter();
        let length = headers
            .map(|(name, value)| name.len() + value.len())
            .sum::<usize>();
        check_length(
            "the head of the request",
            self.url.len() + length,
            MAX_HEAD_BYTES,
        )?;
        self.check()?;
        let url = Url::parse(&self.url)
            .map_err(|error| SigningError::argument(format!("the URL of the request: {error}")))?;
        let parts = Parts {
            method: self.method.to_ascii_uppercase(),
            host: canonical::host(&url)?,
            path: url.path().to_owned(),
            query: url.query().unwrap_or_default().to_owned(),
            headers: self.headers,
        };
        Ok((parts, url))
    }
}

// === impl Parts ===

impl Parts {
    /// Makes the canonical request. `body` is the hash of the body, or what stands for it.
    pub(super) fn prepare(
        mut self,
        keys: &AwsKeys<'_>,
        scope: &AwsScope,
        rules: AwsRules,
        body: &str,
    ) -> Result<Prepared, SigningError> {
        let moment = Moment::new(keys, scope)?;
        let mut headers = vec![(DATE, moment.time.clone())];
        if rules.wants_body_hash {
            headers.push((BODY_HASH, body.to_owned()));
        }
        let replaced = ["host", DATE, BODY_HASH];
        self.headers.retain(|(name, _)| {
            let name = name.to_ascii_lowercase();
            // The step may have said a token itself.
            !replaced.contains(&name.as_str()) && (name != TOKEN || keys.session_token.is_none())
        });
        for (name, value) in &headers {
            self.headers.push(((*name).to_owned(), value.clone()));
        }
        let query = canonical::query(&canonical::pairs(&self.query));
        let (canonical, names) = self.canonical(&query, rules, body, keys.session_token);
        Ok(Prepared {
            moment,
            headers,
            canonical,
            names,
        })
    }

    /// The query to send, and the signature.
    pub(super) fn sign_query(
        mut self,
        keys: &AwsKeys<'_>,
        scope: &AwsScope,
        rules: AwsRules,
        expires_s: u32,
    ) -> Result<(String, String), SigningError> {
        if !(1..=MAX_EXPIRES_S).contains(&expires_s) {
            return Err(SigningError::argument(format!(
                "a signed URL holds for 1 to {MAX_EXPIRES_S} seconds, not {expires_s}"
            )));
        }
        let moment = Moment::new(keys, scope)?;
        self.headers
            .retain(|(name, _)| !name.eq_ignore_ascii_case("host"));
        let mut pairs = canonical::pairs(&self.query);
        // A URL that was signed before is signed anew.
        pairs.retain(|(name, _)| !OF_QUERY.iter().any(|own| own.as_bytes() == name));
        let credential = format!("{}/{}", keys.access_key_id, moment.scope);
        let mut names: Vec<String> = canonical::headers(&self.headers).into_keys().collect();
        names.push("host".to_owned());
        names.sort();
        let expires = expires_s.to_string();
        let names = names.join(";");
        let said = [
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &credential),
            ("X-Amz-Date", &moment.time),
            ("X-Amz-Expires", &expires),
            ("X-Amz-SignedHeaders", &names),
        ];
        let token = keys
            .session_token
            .map(|token| ("X-Amz-Security-Token", token));
        for (name, value) in said.into_iter().chain(token) {
            pairs.push((name.into(), value.into()));
        }
        let body = if rules.leaves_body_unsigned_in_url {
            UNSIGNED_PAYLOAD.to_owned()
        } else {
            hex(&Sha256::digest([]))
        };
        let query = canonical::query(&pairs);
        let (request, _) = self.canonical(&query, rules, &body, None);
        Ok((query, moment.sign(keys, scope, &request)))
    }

    /// The request as it is hashed, and the names of the headers that are signed.
    fn canonical(
        &self,
        query: &str,
        rules: AwsRules,
        body: &str,
        token: Option<&str>,
    ) -> (Zeroizing<String>, String) {
        let mut headers = canonical::headers(&self.headers);
        headers.insert("host".to_owned(), self.host.clone());
        if let Some(token) = token {
            headers.insert(TOKEN.to_owned(), canonical::value(token));
        }
        let names: Vec<&str> = headers.keys().map(String::as_str).collect();
        let names = names.join(";");
        let path = canonical::path(&self.path, rules);
        let lines = headers
            .iter()
            .map(|(name, value)| name.len() + value.len() + 2);
        let room = self.method.len() + path.len() + query.len() + names.len() + body.len() + 8;
        // With all the room that it needs: what grows would leave a copy of the token behind.
        let mut request = Zeroizing::new(String::with_capacity(room + lines.sum::<usize>()));
        for line in [&self.method, &path, query] {
            request.push_str(line);
            request.push('\n');
        }
        for (name, value) in headers {
            let value = Zeroizing::new(value);
            request.push_str(&name);
            request.push(':');
            request.push_str(&value);
            request.push('\n');
        }
        for part in ["\n", &names, "\n", body] {
            request.push_str(part);
        }
        (request, names)
    }
}

// === impl Prepared ===

impl Prepared {
    /// The headers to add.
    pub(super) fn sign(
        mut self,
        keys: &AwsKeys<'_>,
        scope: &AwsScope,
    ) -> Vec<(&'static str, String)> {
        let signature = self.moment.sign(keys, scope, &self.canonical);
        let (id, names) = (keys.access_key_id, &self.names);
        let credential = format!("{id}/{}", self.moment.scope);
        let authorization = format!(
            "{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
        );
        self.headers.push(("authorization", authorization));
        self.headers
    }
}

// === impl Moment ===

impl Moment {
    fn new(keys: &AwsKeys<'_>, scope: &AwsScope) -> Result<Self, SigningError> {
        if !is_word(keys.access_key_id) {
            return Err(SigningError::argument(
                "the id of the access key is a word such as `AKIAIOSFODNN7EXAMPLE`",
            ));
        }
        let time = Timestamp::from_second(scope.time_s)
            .ok()
            .filter(|time| (0..253_402_300_800).contains(&time.as_second()))
            .ok_or_else(|| SigningError::argument("the time is none between 1970 and 9999"))?
            .strftime("%Y%m%dT%H%M%SZ")
            .to_string();
        let AwsScope {
            region, service, ..
        } = scope;
        if [region, service].iter().any(|word| !is_word(word)) {
            return Err(SigningError::argument(
                "`region` and `service` are words such as `us-east-1` and `s3`",
            ));
        }
        let scope = format!("{}/{region}/{service}/aws4_request", &time[..8]);
        Ok(Self { time, scope })
    }

    fn sign(&self, keys: &AwsKeys<'_>, scope: &AwsScope, request: &str) -> String {
        let text = format!(
            "{ALGORITHM}\n{}\n{}\n{}",
            self.time,
            self.scope,
            hex(&Sha256::digest(request))
        );
        let secret = format!("AWS4{}", keys.secret_access_key).into_bytes();
        let key = HmacKey::of_bytes(Zeroizing::new(secret))
            .derive(&self.time.as_bytes()[..8])
            .derive(scope.region.as_bytes())
            .derive(scope.service.as_bytes())
            .derive(b"aws4_request");
        hex(&key.code_of(text.as_bytes()))
    }
}

fn is_word(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    !text.is_empty() && text.len() <= 128 && text.bytes().all(is_part)
}

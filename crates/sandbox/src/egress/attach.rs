//! Sealed credentials are put into a request: where a placeholder stands, if the value may stand there, and go there.
//!
//! Everything is looked at before anything is sent. A body that is a stream is looked at while it is sent.

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderName, Uri};
use url::Url;

use lockstep_secret::Zeroizing;
use lockstep_step::{CredentialKey, RequestFault, Scheme, SealedPlace, Sealing};

use super::config::EgressConfig;
use super::decode;
use super::error::EgressError;
use super::error::NotOpened;
use super::sealed::{Handed, Sealed};
use super::target::Target;

/// Base64 as servers read it: with or without padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Puts the values into one request.
#[derive(Clone)]
pub(super) struct Attacher {
    sealed: Arc<Sealed>,
    config: Arc<EgressConfig>,
    target: Target,
}

/// Text with values in it. It is wiped.
type Filled = Zeroizing<Vec<u8>>;

/// How a value is written, so that it reads as itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Spelling {
    /// As it is.
    Raw,
    /// As it is; a line break would end the header.
    Line,
    /// In a query or a form.
    Percent,
    /// In a string of JSON.
    Json,
}

/// The head of a request as it leaves.
pub(super) struct AttachedHead {
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) keys: Vec<CredentialKey>,
}

/// Whether a value that is sealed so may be in a request to `target`; else what may not be.
pub(super) fn may_carry(
    config: &EgressConfig,
    sealing: &Sealing,
    target: &Target,
) -> Result<(), String> {
    let Target {
        scheme, host, port, ..
    } = target;
    let usual = scheme.usual_port();
    if !sealing.allows(host, *port, usual) {
        if let Some(to) = sealing.of_another(host, *port, usual) {
            return Err(format!(
                "may not go to `{host}`: anybody can have a host such as this, and `{to}` is only for those of its owner; seal it for this host by its name"
            ));
        }
        let to = list(sealing.destinations());
        return Err(format!(
            "may go to {to} only, not to `{host}` on port {port}"
        ));
    }
    let clear = &config.sealed_in_the_clear;
    if *scheme == Scheme::Http && !clear.iter().any(|to| to.matches(host, *port, usual)) {
        return Err(format!("may go to `{host}` over `https` only"));
    }
    Ok(())
}

impl Attacher {
    /// `None`: the guest holds no placeholder.
    pub(super) fn new(
        sealed: &Arc<Sealed>,
        config: &Arc<EgressConfig>,
        target: &Target,
    ) -> Option<Self> {
        (!sealed.is_empty()).then(|| Self {
            sealed: Arc::clone(sealed),
            config: Arc::clone(config),
            target: target.clone(),
        })
    }

    /// Where the request goes.
    pub(super) fn target(&self) -> &Target {
        &self.target
    }

    /// The head of a request with the values in it.
    pub(super) fn head(&self, url: &Url, headers: &HeaderMap) -> Result<AttachedHead, EgressError> {
        let mut keys = Vec::new();
        let uri = self.uri(url, &mut keys)?;
        let mut filled = HeaderMap::with_capacity(headers.len());
        for (name, value) in headers {
            if let Some((_, handed)) = self.sealed.find(name.as_str().as_bytes()).first() {
                return Err(self.denied(handed, "cannot stand in the name of a header"));
            }
            let value = self.header(name == AUTHORIZATION, value, &mut keys)?;
            filled.append(name, value);
        }
        Ok(AttachedHead {
            uri,
            headers: filled,
            keys,
        })
    }

    /// A body that is all there with the values in it. `None`: there is no placeholder in it.
    pub(super) fn body(
        &self,
        body: &[u8],
        spelling: Spelling,
        keys: &mut Vec<CredentialKey>,
    ) -> Result<Option<Bytes>, EgressError> {
        let filled = self.fill(body, SealedPlace::Body, spelling, keys)?;
        Ok(filled.map(Bytes::from_owner))
    }

    /// Whether any placeholder that the guest holds may stand in the body of this request.
    pub(super) fn may_fill_body(&self) -> bool {
        self.sealed
            .any(|handed| self.goes_here(handed) && handed.sealing.allows_in(SealedPlace::Body))
    }

    /// Whether the value of any placeholder that the guest holds may go to this host.
    pub(super) fn concerns_host(&self) -> bool {
        self.sealed.any(|handed| self.goes_here(handed))
    }

    /// How many bytes at the end of a part of a body may be the beginning of a placeholder.
    pub(super) fn open_end(&self, part: &[u8]) -> usize {
        self.sealed.open_end(part)
    }

    fn uri(&self, url: &Url, keys: &mut Vec<CredentialKey>) -> Result<Uri, EgressError> {
        let (before, query) = url.as_str().split_once('?').unwrap_or((url.as_str(), ""));
        if let Some((_, handed)) = self.sealed.find(before.as_bytes()).first() {
            return Err(self.denied(handed, "cannot stand in the host or the path of a URL"));
        }
        match self.fill(
            query.as_bytes(),
            SealedPlace::Query,
            Spelling::Percent,
            keys,
        )? {
            None => plain_uri(url),
            Some(query) => {
                let mut uri = Zeroizing::new(Vec::with_capacity(before.len() + 1 + query.len()));
                uri.extend_from_slice(before.as_bytes());
                uri.push(b'?');
                uri.extend_from_slice(&query);
                Uri::from_maybe_shared(Bytes::from_owner(uri)).map_err(|_| cannot_be_sent())
            }
        }
    }

    fn header(
        &self,
        is_authorization: bool,
        value: &HeaderValue,
        keys: &mut Vec<CredentialKey>,
    ) -> Result<HeaderValue, EgressError> {
        if is_authorization
            && let Some(pair) = basic(value.as_bytes())
            && let Some(filled) = self.basic(&pair, keys)?
        {
            return secret_header(filled);
        }
        match self.fill(value.as_bytes(), SealedPlace::Header, Spelling::Line, keys)? {
            Some(filled) => secret_header(filled),
            None => Ok(value.clone()),
        }
    }

    /// `Basic` and user and password, each with the values in it.
    fn basic(
        &self,
        pair: &[u8],
        keys: &mut Vec<CredentialKey>,
    ) -> Result<Option<Filled>, EgressError> {
        let colon = pair.iter().position(|byte| *byte == b':');
        if let Some((range, handed)) = self.sealed.find(pair).first()
            && colon.is_some_and(|colon| range.start < colon)
            && self.value(handed)?.contains(':')
        {
            return Err(self.denied(handed, "has a colon, and cannot be the user of `Basic`"));
        }
        let Some(filled) = self.fill(pair, SealedPlace::Basic, Spelling::Line, keys)? else {
            return Ok(None);
        };
        const SCHEME: &[u8] = b"Basic ";
        let length = base64::encoded_len(filled.len(), true).unwrap_or(0);
        let mut header = Zeroizing::new(vec![0; SCHEME.len() + length]);
        header[..SCHEME.len()].copy_from_slice(SCHEME);
        let encoded = BASE64_STANDARD.encode_slice(&*filled, &mut header[SCHEME.len()..]);
        encoded.map_err(|_| cannot_be_sent())?;
        Ok(Some(header))
    }

    /// `text` with the values in the place of the placeholders. `None`: there are none.
    fn fill(
        &self,
        text: &[u8],
        place: SealedPlace,
        spelling: Spelling,
        keys: &mut Vec<CredentialKey>,
    ) -> Result<Option<Filled>, EgressError> {
        let found = self.sealed.find(text);
        if found.is_empty() {
            return Ok(None);
        }
        let mut values = Vec::with_capacity(found.len());
        for (_, handed) in &found {
            self.check(handed, place)?;
            let value = self.value(handed)?;
            values.push(self.spelled(handed, &value, spelling)?);
            if !keys.contains(&handed.key) {
                keys.push(handed.key.clone());
            }
        }
        let length = text.len() + values.iter().map(|value| value.len()).sum::<usize>();
        let mut filled = Zeroizing::new(Vec::with_capacity(length));
        let mut from = 0;
        for ((range, _), value) in found.iter().zip(&values) {
            filled.extend_from_slice(&text[from..range.start]);
            filled.extend_from_slice(value);
            from = range.end;
        }
        filled.extend_from_slice(&text[from..]);
        Ok(Some(filled))
    }

    /// Whether the value may stand in `place` of this request.
    fn check(&self, handed: &Handed, place: SealedPlace) -> Result<(), EgressError> {
        may_carry(&self.config, &handed.sealing, &self.target)
            .map_err(|reason| self.denied(handed, &reason))?;
        if !handed.sealing.allows_in(place) {
            let places = list(handed.sealing.places());
            return Err(self.denied(
                handed,
                &format!("may stand in {places} of a request only, not in {place}"),
            ));
        }
        Ok(())
    }

    fn goes_here(&self, handed: &Handed) -> bool {
        let Target {
            scheme, host, port, ..
        } = &self.target;
        handed.sealing.allows(host, *port, scheme.usual_port())
    }

    fn value(&self, handed: &Handed) -> Result<Arc<str>, EgressError> {
        self.sealed.open(&handed.key).map_err(of_the_host)
    }

    fn spelled(
        &self,
        handed: &Handed,
        value: &str,
        spelling: Spelling,
    ) -> Result<Filled, EgressError> {
        if spelling == Spelling::Line
            && value
                .bytes()
                .any(|byte| byte.is_ascii_control() && byte != b'\t')
        {
            return Err(self.denied(
                handed,
                "has a line break or another control character, and cannot stand in a header",
            ));
        }
        Ok(spelling.spell(value))
    }

    fn denied(&self, handed: &Handed, why: &str) -> EgressError {
        let message = format!("sealed credential `{}` {why}", handed.key);
        EgressError::new(RequestFault::CredentialHostDenied, message).at(&self.target.host)
    }
}

/// The headers of a request that carries a value, or may have carried one: what comes back can be looked through.
///
/// A part of a value is not seen for what it is, so that no part of an answer is asked for, and it comes in a coding
/// that can be undone.
pub(super) fn ask_for_the_whole(headers: &mut HeaderMap) {
    headers.remove(RANGE);
    headers.remove(IF_RANGE);
    headers.insert(ACCEPT_ENCODING, decode::accepted(headers));
}

/// Takes the headers out that have a placeholder in them.
pub(super) fn drop_placeholders(sealed: &Sealed, headers: &mut HeaderMap) {
    let names: Vec<HeaderName> = headers
        .iter()
        .filter(|(_, value)| has_placeholder(sealed, value))
        .map(|(name, _)| name.clone())
        .collect();
    for name in names {
        headers.remove(name);
    }
}

fn has_placeholder(sealed: &Sealed, value: &HeaderValue) -> bool {
    !sealed.find(value.as_bytes()).is_empty()
        || basic(value.as_bytes()).is_some_and(|pair| !sealed.find(&pair).is_empty())
}

/// How values are written in a body of this type. Its length is not known before.
pub(super) fn spelling_of_body(headers: &HeaderMap) -> Spelling {
    let essence = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    match essence.as_str() {
        "application/x-www-form-urlencoded" => Spelling::Percent,
        "application/json" | "text/json" => Spelling::Json,
        other if other.ends_with("+json") => Spelling::Json,
        _ => Spelling::Raw,
    }
}

/// A length that a guest said before the values came in.
pub(super) fn forget_length(headers: &mut HeaderMap) {
    headers.remove(CONTENT_LENGTH);
}

/// A URL as it is sent.
pub(super) fn plain_uri(url: &Url) -> Result<Uri, EgressError> {
    Uri::try_from(url.as_str()).map_err(|_| cannot_be_sent())
}

fn cannot_be_sent() -> EgressError {
    EgressError::denied("the URL or a header of the request cannot be sent")
}

/// Neither the guest nor the operator is at fault.
fn of_the_host(error: NotOpened) -> EgressError {
    EgressError::of_the_host(error.into())
}

/// User and password of a header `Authorization: Basic`.
fn basic(value: &[u8]) -> Option<Vec<u8>> {
    let (scheme, encoded) = value.split_at_checked(6)?;
    if !scheme.eq_ignore_ascii_case(b"basic ") {
        return None;
    }
    LENIENT.decode(encoded.trim_ascii()).ok()
}

/// A header that is wiped, and that HTTP/2 neither indexes nor compresses (RFC 7541, section 7.1).
fn secret_header(value: Filled) -> Result<HeaderValue, EgressError> {
    let mut value =
        HeaderValue::from_maybe_shared(Bytes::from_owner(value)).map_err(|_| cannot_be_sent())?;
    value.set_sensitive(true);
    Ok(value)
}

fn list(items: impl Iterator<Item = impl std::fmt::Display>) -> String {
    items
        .map(|item| format!("`{item}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

// === impl Spelling ===

impl Spelling {
    fn spell(self, value: &str) -> Filled {
        // Room for the longest spelling: what grows would leave a copy behind.
        let room = value.len()
            * match self {
                Self::Raw | Self::Line => 1,
                Self::Percent => 3,
                Self::Json => 6,
            };
        let mut spelled = Zeroizing::new(Vec::with_capacity(room));
        for &byte in value.as_bytes() {
            match self {
                Self::Raw | Self::Line => spelled.push(byte),
                Self::Percent => percent(byte, &mut spelled),
                Self::Json => json(byte, &mut spelled),
            }
        }
        spelled
    }
}

fn percent(byte: u8, out: &mut Vec<u8>) {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
        out.push(byte);
    } else {
        out.push(b'%');
        out.extend_from_slice(&hex(byte));
    }
}

/// The escapes of RFC 8259, section 7, that are needed.
fn json(byte: u8, out: &mut Vec<u8>) {
    match byte {
        b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
        0..0x20 => {
            out.extend_from_slice(b"\\u00");
            out.extend_from_slice(&hex(byte));
        }
        _ => out.push(byte),
    }
}

fn hex(byte: u8) -> [u8; 2] {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    [
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ]
}

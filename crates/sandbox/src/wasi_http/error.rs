//! Why a request failed, in the words of `wasi:http`. Where these have room for a text, ours is in it.

use wasmtime_wasi_http::Error;

use lockstep_secret::Zeroizing;
use lockstep_step::RequestFault;

use crate::egress::EgressError;

/// As the guest is told.
pub(super) fn of(error: EgressError) -> Error {
    let EgressError { fault, message, .. } = error;
    match fault {
        RequestFault::EgressDenied => Error::HttpRequestDenied,
        RequestFault::Dns => Error::DnsError {
            rcode: Some(message),
            info_code: None,
        },
        RequestFault::Connect => Error::ConnectionRefused,
        RequestFault::Tls if message.contains("invalid peer certificate") => {
            Error::TlsCertificateError
        }
        RequestFault::Tls => Error::TlsProtocolError,
        // The stricter of the two: something may have been sent.
        RequestFault::Timeout => Error::HttpResponseTimeout,
        RequestFault::Protocol => Error::HttpProtocolError,
        RequestFault::CredentialHostDenied
        | RequestFault::Redirect
        | RequestFault::Body
        | RequestFault::Aborted => {
            Error::InternalError(Some(format!("{}: {message}", fault.as_str())))
        }
    }
}

/// Whether the text of a failure names one of the errors of a request that was denied, in the spelling of any language:
/// `HttpRequestDenied`, `HTTP-request-denied`, `egress_denied`, ..
pub(crate) fn names_denial(message: &str) -> bool {
    // A guest may say a value in it.
    let mut letters = Zeroizing::new(String::with_capacity(message.len()));
    letters.extend(
        message
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|it| it.to_ascii_lowercase()),
    );
    ["httprequestdenied", "egressdenied", "credentialhostdenied"]
        .iter()
        .any(|name| letters.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denial_is_found_in_the_spelling_of_each_language() {
        for text in [
            "ErrorCode::HttpRequestDenied",
            "ErrorCode_HttpRequestDenied",
            "cannot post: HTTP-request-denied",
            "{\"tag\":\"HTTP-request-denied\"}",
            "egress_denied: no",
            "internal error: credential_host_denied: the credential may not go there",
        ] {
            assert!(names_denial(text), "{text}");
        }
        assert!(!names_denial("the request was refused"));
    }
}

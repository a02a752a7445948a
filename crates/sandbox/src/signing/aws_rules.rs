//! What differs between the services of AWS.

/// How a service reads a request before it checks the signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct AwsRules {
    /// Whether empty parts of the path are left out.
    pub(super) normalizes_path: bool,
    /// Whether the path is encoded once more than it is sent.
    pub(super) encodes_path_twice: bool,
    /// Whether the hash of the body is a header of its own.
    pub(super) wants_body_hash: bool,
    /// Whether the body of a request with its signature in the URL is not signed.
    pub(super) leaves_body_unsigned_in_url: bool,
}

impl AwsRules {
    /// S3 takes keys of objects as they are; all others tidy the path up.
    pub(super) fn of(service: &str) -> Self {
        let is_s3 = matches!(
            service,
            "s3" | "s3express" | "s3-object-lambda" | "s3-outposts"
        );
        Self {
            normalizes_path: !is_s3,
            encodes_path_twice: !is_s3,
            wants_body_hash: is_s3 || service == "glacier",
            leaves_body_unsigned_in_url: is_s3,
        }
    }
}

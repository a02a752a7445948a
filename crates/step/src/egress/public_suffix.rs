//! Names below which anybody can have one of their own: `com`, `co.uk`, `github.io`. The list is that of
//! <https://publicsuffix.org>, as the crate `psl` has it on the day of the build.

/// Whether `name`, in lower case, is such a name.
pub(super) fn is_public(name: &str) -> bool {
    psl::suffix_str(name) == Some(name)
}

/// Whether `host`, which lies below `name`, may be of somebody else than `name` is: a public suffix is between the two, or
/// `name` is one itself.
pub(super) fn is_between(name: &str, host: &str) -> bool {
    let found = match psl::suffix_str(host) {
        // It is of who runs it; what it lies below counts.
        Some(suffix) if suffix == host => {
            let parent = host.split_once('.').map(|(_, parent)| parent);
            parent.and_then(psl::suffix_str)
        }
        found => found,
    };
    // Both are ends of the host.
    found.is_some_and(|suffix| suffix.len() >= name.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_of_the_list_and_unknown_names_at_the_top_are_public() {
        for name in [
            "com",
            "co.uk",
            "github.io",
            "s3.amazonaws.com",
            "xn--55qx5d.cn",
            "localhost",
        ] {
            assert!(is_public(name), "{name}");
        }
        for name in [
            "example.com",
            "bbc.co.uk",
            "me.github.io",
            "amazonaws.com",
            "corp.internal",
        ] {
            assert!(!is_public(name), "{name}");
        }
    }

    #[test]
    fn hosts_of_others_lie_behind_a_public_suffix() {
        for (name, host) in [
            ("com", "example.com"),
            ("github.io", "me.github.io"),
            ("amazonaws.com", "bucket.s3.amazonaws.com"),
            ("amazonaws.com", "a.bucket.s3.eu-central-1.amazonaws.com"),
        ] {
            assert!(is_between(name, host), "{name}, {host}");
        }
        for (name, host) in [
            ("example.com", "a.b.example.com"),
            ("me.github.io", "www.me.github.io"),
            ("amazonaws.com", "sqs.eu-central-1.amazonaws.com"),
            // That of the service itself.
            ("amazonaws.com", "s3.amazonaws.com"),
            ("bucket.s3.amazonaws.com", "a.bucket.s3.amazonaws.com"),
            ("corp.internal", "a.corp.internal"),
        ] {
            assert!(!is_between(name, host), "{name}, {host}");
        }
    }
}

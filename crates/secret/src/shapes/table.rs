//! The prefixes of well-known tokens, and what may follow them.

/// A kind of token.
pub(crate) struct Shape {
    pub(super) prefix: &'static str,
    pub(super) class: Class,
    /// How many characters of the class must follow: fewer are an example or a name.
    pub(super) minimum: usize,
    pub(super) evidence: Evidence,
}

/// Which characters may follow a prefix.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Class {
    /// `A-Z0-9`
    Upper,
    /// `A-Za-z0-9`
    Alphanumeric,
    /// `A-Za-z0-9_`
    Word,
    /// `A-Za-z0-9_-`
    UrlSafe,
    /// `A-Za-z0-9_-`, and single dots between them.
    Dotted,
    /// `A-Za-z0-9_-`, and single `=` between them once there are enough.
    Checked,
}

/// No token is shorter.
pub(super) const SHORTEST_TOKEN_BYTES: usize = 15;

/// Whether a token can have `byte` before there are enough: letters, digits and `-._`. Without branches, as all text is
/// looked at.
#[inline]
pub(super) const fn is_token_byte(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let is_digit = byte.wrapping_sub(b'0') < 10;
    let is_joint = byte.wrapping_sub(b'-') < 2;
    is_letter | is_digit | is_joint | (byte == b'_')
}

/// What the characters must show beside their number. Without word boundaries a short prefix also ends common words:
/// `task-`, `shelf_`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Evidence {
    /// The prefix says enough.
    Prefix,
    /// A digit, and a letter that is no hexadecimal digit.
    Random,
    /// A dot between two parts.
    Parts,
}

impl Class {
    pub(super) const fn contains(self, byte: u8) -> bool {
        match byte {
            b'A'..=b'Z' | b'0'..=b'9' => true,
            b'a'..=b'z' => !matches!(self, Self::Upper),
            b'_' => !matches!(self, Self::Upper | Self::Alphanumeric),
            b'-' => matches!(self, Self::UrlSafe | Self::Dotted | Self::Checked),
            _ => false,
        }
    }

    /// Whether `byte` belongs to the token if one of the class stands before and after it.
    pub(super) const fn joins(self, byte: u8, is_token: bool) -> bool {
        match self {
            Self::Dotted => byte == b'.',
            Self::Checked => byte == b'=' && is_token,
            Self::Upper | Self::Alphanumeric | Self::Word | Self::UrlSafe => false,
        }
    }
}

use Class::{Alphanumeric, Checked, Dotted, Upper, UrlSafe, Word};
use Evidence::{Parts, Prefix, Random};

const fn shape(prefix: &'static str, class: Class, minimum: usize, evidence: Evidence) -> Shape {
    Shape {
        prefix,
        class,
        minimum,
        evidence,
    }
}

/// All of them. Of several prefixes at one place the longest counts. Prefix and minimum are at least
/// [`SHORTEST_TOKEN_BYTES`] characters of [`is_token_byte`].
pub(super) const SHAPES: &[Shape] = &[
    // Code hosts and package registries.
    shape("ghp_", Word, 36, Prefix),
    shape("gho_", Word, 36, Prefix),
    shape("ghu_", Word, 36, Prefix),
    shape("ghs_", Dotted, 36, Prefix),
    shape("ghr_", Word, 36, Prefix),
    shape("github_pat_", Word, 36, Random),
    shape("glpat-", Dotted, 20, Prefix),
    shape("glptt-", UrlSafe, 20, Prefix),
    shape("gldt-", UrlSafe, 20, Prefix),
    shape("glrt-", Dotted, 20, Prefix),
    shape("glrtr-", UrlSafe, 20, Prefix),
    shape("glcbt-", UrlSafe, 20, Prefix),
    shape("glft-", UrlSafe, 20, Prefix),
    shape("glimt-", UrlSafe, 20, Prefix),
    shape("glagent-", UrlSafe, 20, Prefix),
    shape("glsoat-", UrlSafe, 20, Prefix),
    shape("gloas-", UrlSafe, 20, Prefix),
    shape("glffct-", UrlSafe, 20, Prefix),
    shape("GR1348941", UrlSafe, 20, Prefix),
    shape("ATATT3", Checked, 32, Prefix),
    shape("npm_", Alphanumeric, 36, Prefix),
    shape("pypi-AgE", UrlSafe, 32, Prefix),
    shape("rubygems_", Alphanumeric, 48, Prefix),
    shape("dckr_pat_", UrlSafe, 20, Prefix),
    // Clouds.
    shape("AKIA", Upper, 16, Prefix),
    shape("ASIA", Upper, 16, Prefix),
    shape("AIza", UrlSafe, 35, Prefix),
    shape("ya29.", UrlSafe, 20, Random),
    shape("GOCSPX-", UrlSafe, 20, Prefix),
    shape("dop_v1_", Alphanumeric, 32, Prefix),
    shape("doo_v1_", Alphanumeric, 32, Prefix),
    shape("dor_v1_", Alphanumeric, 32, Prefix),
    shape("hvs.", UrlSafe, 24, Random),
    shape("hvb.", UrlSafe, 24, Random),
    shape("hvr.", UrlSafe, 24, Random),
    shape("tskey-", UrlSafe, 20, Random),
    shape("sbp_", Alphanumeric, 40, Prefix),
    // Payment, messages, other services.
    shape("sk_live_", Alphanumeric, 16, Prefix),
    shape("sk_test_", Alphanumeric, 16, Prefix),
    shape("rk_live_", Alphanumeric, 16, Prefix),
    shape("rk_test_", Alphanumeric, 16, Prefix),
    shape("whsec_", Alphanumeric, 24, Random),
    shape("xoxb-", UrlSafe, 10, Prefix),
    shape("xoxp-", UrlSafe, 10, Prefix),
    shape("xoxa-", UrlSafe, 10, Prefix),
    shape("xoxr-", UrlSafe, 10, Prefix),
    shape("xoxs-", UrlSafe, 10, Prefix),
    shape("xoxe-", UrlSafe, 10, Prefix),
    shape("xapp-", UrlSafe, 20, Random),
    shape("SG.", Dotted, 40, Random),
    shape("shpat_", Alphanumeric, 32, Prefix),
    shape("shpca_", Alphanumeric, 32, Prefix),
    shape("shppa_", Alphanumeric, 32, Prefix),
    shape("shpss_", Alphanumeric, 32, Prefix),
    shape("glsa_", Word, 32, Random),
    shape("lin_api_", Alphanumeric, 32, Prefix),
    shape("NRAK-", Upper, 27, Prefix),
    shape("PMAK-", UrlSafe, 32, Random),
    shape("figd_", UrlSafe, 36, Random),
    shape("AGE-SECRET-KEY-1", Upper, 40, Prefix),
    // Models.
    shape("sk-", Alphanumeric, 32, Random),
    shape("sk-proj-", UrlSafe, 20, Prefix),
    shape("sk-svcacct-", UrlSafe, 20, Prefix),
    shape("sk-ant-", UrlSafe, 20, Prefix),
    shape("sk-or-v1-", Alphanumeric, 32, Prefix),
    shape("hf_", Alphanumeric, 34, Random),
    shape("gsk_", Alphanumeric, 40, Random),
    shape("xai-", Alphanumeric, 60, Random),
    shape("pplx-", Alphanumeric, 40, Random),
    shape("nvapi-", UrlSafe, 40, Random),
    // JSON web tokens, by the first key of the header: `alg`, `typ`, `kid`, `enc`, `cty`, `x5t`, `jku`.
    shape("eyJhbGciOi", Dotted, 30, Parts),
    shape("eyJ0eXAiOi", Dotted, 30, Parts),
    shape("eyJraWQiOi", Dotted, 30, Parts),
    shape("eyJlbmMiOi", Dotted, 30, Parts),
    shape("eyJjdHkiOi", Dotted, 30, Parts),
    shape("eyJ4NXQi", Dotted, 30, Parts),
    shape("eyJqa3UiOi", Dotted, 30, Parts),
];

//! A real server of HTTP and HTTPS on 127.0.0.1, for tests of what leaves the sandbox.
//!
//! It knows nothing of Lockstep. It answers for every host; tests resolve `*.test` to [`Upstream::ADDRESS`]. Over TLS it
//! speaks HTTP/1.1 or HTTP/2, whichever the client asks for, and shows each name a certificate of its own authority.
//! What it received it can tell ([`Upstream::received`]).
//!
//! | path | what it does |
//! |---|---|
//! | `/echo`, `/echo/gzip`, `/echo/br`, `/echo/deflate` | tells what it received, as JSON; perhaps compressed |
//! | `/answer?status=201&header=a:b&header=c:d&body=text` | answers just that |
//! | `/mirror` | sends the body back while it arrives |
//! | `/count` | tells how long the body was: `{"bytes":3}` |
//! | `/early` | answers `413` before it has read the body |
//! | `/bytes/N` | N bytes, in pieces; `?gzip` compressed |
//! | `/redirect/STATUS?to=URL` | points there |
//! | `/loop/N` | points to `/loop/N+1` |
//! | `/slow/head/MS` | waits before it answers |
//! | `/slow/pieces/COUNT/MS` | sends pieces of one kilobyte, and waits before each |
//! | `/slow/never` | reads the request and answers nothing |
//! | `/slow/read/MS` | waits before each piece that it reads, then tells how many bytes there were |
//! | `/broken/cut` | breaks off in the middle of its body |
//! | `/broken/endless` | a body without an end |
//! | `/broken/gzip` | says `gzip` and sends none |
//! | `/broken/bomb` | a gigabyte of zeros in a megabyte of gzip |
//! | `/broken/header/N` | a header of N bytes |
//! | `/broken/headers/N` | N headers |
//! | `POST /api/chat.postMessage` | Slack: [`Upstream::slack_token`] |
//! | `PUT` to `BUCKET.s3.REGION.amazonaws.com` | S3: stores what [`S3Account`] has signed |
//! | `GET /repos/OWNER/NAME/issues` | GitHub: [`github`] |
//! | `PUT` of anything, to a host with `.s3.` in its name | S3: takes what is signed |
//!
//! What no server of HTTP would say is at [`Upstream::raw`].
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "test support: a test that cannot go on ends with a message"
)]

mod authority;
mod body;
mod broken;
mod echo;
pub mod github;
mod raw;
mod record;
mod redirect;
mod routes;
mod s3;
mod serve;
mod signature;
mod slack;
mod slow;
mod upstream;

pub use record::Received;
pub use signature::S3Account;
pub use upstream::{Accounts, Upstream};

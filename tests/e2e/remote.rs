//! The commands against a server: the same answers and exit codes as on the machine of the host.

mod copies;
mod keys;
mod live;
mod operator;
mod refusals;
mod same;

//! How the spans of this process are joined to the traces of others. Whoever exports spans knows.

use tracing::Span;

use lockstep_step::TraceContext;

/// Ties spans to traces that go beyond this process.
pub trait Traces: Send + Sync {
    /// Puts `span`, which has not been entered yet, under the span of another process.
    fn adopt(&self, span: &Span, parent: &TraceContext);

    /// Where `span` stands in its trace. `None`: it is in none, as nobody keeps it.
    fn context(&self, span: &Span) -> Option<TraceContext>;
}

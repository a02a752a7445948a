//! The way out of one run: each of its requests is decided here, sent, and followed to its end.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::ext::ReasonPhrase;
use tokio::time::timeout;
use tracing::{Instrument as _, Span};
use url::Url;

use lockstep_secret::Masker;
use lockstep_step::{
    CredentialKey, Limits, RequestFault, RequestReceipt, TraceContext, WorkflowEgress,
};

use super::attach::{self, AttachedHead, Attacher, Spelling};
use super::attach_body::Filling;
use super::body::{self, OutgoingBody, Sent};
use super::budget::Budget;
use super::config::EgressConfig;
use super::crossing::Crossing;
use super::decode;
use super::dial::Dialer;
use super::error::EgressError;
use super::ledger::{Entry, Ledger};
use super::outgoing::{self, Incoming, Outgoing, RequestBody};
use super::pool::{Connections, Pool};
use super::redirect::{self, MAX_REDIRECTS, Redirects};
use super::scrub::{self, Watched};
use super::sealed::Sealed;
use super::slots::Slot;
use super::spawner::at_once;
use super::target::Target;
use super::tls::{InvalidRoot, Tls};
use crate::{Threshold, Traces};

/// The way out of all runs of a sandbox.
pub(crate) struct Egress {
    config: Arc<EgressConfig>,
    pool: Pool,
    traces: Option<Arc<dyn Traces>>,
}

/// The way out of one run, which it may never take.
pub(crate) struct WayOut {
    egress: Arc<Egress>,
    share: Box<str>,
    rules: Arc<WorkflowEgress>,
    limits: Limits,
    threshold: Option<Arc<dyn Threshold>>,
    trace: Option<TraceContext>,
    outlet: Option<Outlet>,
}

/// The way out of one run that takes it.
#[derive(Clone)]
pub(crate) struct Outlet {
    shared: Arc<Shared>,
}

struct Shared {
    egress: Arc<Egress>,
    connections: Connections,
    rules: Arc<WorkflowEgress>,
    budget: Arc<Budget>,
    ledger: Ledger,
    sealed: Arc<Sealed>,
    crossing: Crossing,
    trace: Option<TraceContext>,
}

/// A request that may leave.
struct Ready {
    rule: Option<usize>,
    uri: Uri,
    headers: HeaderMap,
    body: OutgoingBody,
    /// The credentials in it.
    keys: Vec<CredentialKey>,
    /// What puts credentials into the body while it is sent.
    filling: Option<(Attacher, Spelling)>,
}

/// One request of perhaps several that a guest's one request leads to.
struct Hop {
    method: Method,
    target: Target,
    /// As it is sent.
    url: Url,
    /// As the guest sees it, with a fragment.
    shown: Url,
    headers: HeaderMap,
    body: RequestBody,
}

// === impl Egress ===

impl Egress {
    pub(crate) fn new(
        config: EgressConfig,
        traces: Option<Arc<dyn Traces>>,
    ) -> Result<Self, InvalidRoot> {
        let tls = Arc::new(Tls::new(&config.roots)?);
        let config = Arc::new(config);
        Ok(Self {
            pool: Pool::new(Arc::clone(&config), tls),
            config,
            traces,
        })
    }

    pub(super) fn config(&self) -> &EgressConfig {
        &self.config
    }

    pub(super) fn dialer(&self) -> &Dialer {
        self.pool.dialer()
    }

    /// The way out of a run of `workspace`, whose workflow has `rules`.
    fn outlet(
        self: &Arc<Self>,
        workspace: &str,
        rules: Arc<WorkflowEgress>,
        limits: &Limits,
        sealed: &Arc<Sealed>,
        (threshold, trace): (Option<Arc<dyn Threshold>>, Option<TraceContext>),
    ) -> Outlet {
        let shared = Shared {
            sealed: Arc::clone(sealed),
            crossing: Crossing::new(sealed, threshold),
            trace,
            egress: Arc::clone(self),
            connections: self.pool.of(workspace),
            rules,
            budget: Arc::new(Budget::new(limits)),
            ledger: Ledger::new(),
        };
        Outlet {
            shared: Arc::new(shared),
        }
    }
}

// === impl Outlet ===

impl Outlet {
    /// How long a guest may let all of its answers lie that has something else to wait for.
    pub(crate) const PATIENCE: Duration = Duration::from_secs(1);

    /// Requests that have left so far.
    pub(crate) fn requests(&self) -> u32 {
        self.shared.ledger.left()
    }

    /// Whether a request was refused.
    pub(crate) fn has_denied(&self) -> bool {
        self.shared.ledger.has_denied()
    }

    /// What is written down of the requests so far.
    pub(crate) fn receipts(&self, masker: &Masker) -> Vec<RequestReceipt> {
        self.shared.ledger.receipts(masker)
    }

    /// To be polled while the guest waits: gives up a request that waits for a place which only the guest can free, by
    /// reading its answers. `patience` is how long nothing may move before, as the guest may have other plans.
    pub(crate) async fn give_up(&self, patience: Duration) -> Infallible {
        self.shared.budget.slots().give_up(patience).await
    }

    /// Sends a request, and follows it where it leads.
    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Incoming, EgressError> {
        let shared = &self.shared;
        let (redirects, decodes) = (outgoing.redirects, outgoing.decodes);
        let read = Target::of(&outgoing.url);
        let (target, url) =
            read.map_err(|error| shared.not_read(&outgoing.method, &outgoing.url, error))?;
        let mut hop = Hop::first(outgoing, target, url);
        let slot = shared.budget.slot().await;
        let slot = slot.map_err(|error| shared.refused(&hop, error))?;
        for followed in 0..=MAX_REDIRECTS {
            let host = hop.target.host.clone();
            let span = hop.span();
            let exchange = shared.exchange(&mut hop, decodes, &span);
            let exchanged = exchange.instrument(span.clone()).await;
            let (response, entry) = exchanged.inspect_err(|error| {
                span.record("error.type", error.fault.as_str());
            })?;
            let place = if redirects == Redirects::Manual {
                None
            } else {
                redirect::place(response.status(), response.headers(), &hop.shown)
                    .map_err(|error| failed(&entry, error.at(&host)))?
            };
            let Some(place) = place else {
                let answers = Answers {
                    redirected: followed > 0,
                    decoded: decodes,
                };
                return Ok(shared.incoming(hop, response, &entry, slot, answers));
            };
            if redirects == Redirects::Error {
                let message =
                    format!("`{host}` answered with a redirect, and the request asks for none");
                let error = EgressError::new(RequestFault::Redirect, message).at(&host);
                return Err(failed(&entry, error));
            }
            entry.ended();
            let status = response.status();
            drop(response);
            hop = hop.next(status, &place, shared)?;
        }
        let message = format!("more than {MAX_REDIRECTS} redirects in a row");
        Err(EgressError::new(RequestFault::Redirect, message).at(&hop.target.host))
    }
}

// === impl Shared ===

impl Shared {
    /// Decides about one request, puts sealed credentials in, and sends it.
    async fn exchange(
        &self,
        hop: &mut Hop,
        decodes: bool,
        span: &Span,
    ) -> Result<(Response<hyper::body::Incoming>, Arc<Entry>), EgressError> {
        let ready = self.ready(hop, decodes);
        let mut ready = ready.map_err(|error| self.refused(hop, error))?;
        if let (Some(rule), WorkflowEgress::Only(rules)) = (ready.rule, self.rules.as_ref()) {
            span.record("rule", rules.get(rule).map(tracing::field::display));
        }
        self.say_trace(span, &mut ready.headers);
        self.crossing.tell(&ready.keys, &hop.target);
        self.crossing.cross().await?;
        let entry = self
            .ledger
            .allowed(hop.method.as_str(), &hop.target, ready.rule);
        let broken = Arc::default();
        let request = self.request(hop.method.clone(), ready, &entry, &broken);
        let host = &hop.target.host;
        let limit = self.budget.limits().first_byte_timeout;
        let waiting = Waiting(Some(&entry));
        let asking = at_once(self.connections.request(request));
        let answered = timeout(limit, asking).await;
        waiting.over();
        match answered {
            Ok(Ok(mut response)) => {
                let status = response.status().as_u16();
                span.record("http.response.status_code", status);
                entry.answered(status);
                if let Some(scrubber) = self.sealed.scrubber() {
                    scrub::headers(scrubber, response.headers_mut());
                }
                Ok((response, entry))
            }
            Ok(Err(error)) => {
                let ours = broken.get().map(|error| error.clone().at(host));
                let error = ours.unwrap_or_else(|| EgressError::of_client(&error, host));
                Err(failed(&entry, error))
            }
            Err(_) => {
                let seconds = limit.as_secs_f64();
                let message = format!(
                    "`{host}` did not begin to answer within {seconds} s, the limit `first_byte_timeout`"
                );
                let error = EgressError::new(RequestFault::Timeout, message).at(host);
                Err(failed(&entry, error))
            }
        }
    }

    /// Says which trace the request belongs to, if the guest does not say it.
    fn say_trace(&self, span: &Span, headers: &mut HeaderMap) {
        const PARENT: HeaderName = HeaderName::from_static("traceparent");
        const STATE: HeaderName = HeaderName::from_static("tracestate");
        let ours = self.egress.traces.as_deref();
        let ours = ours.and_then(|traces| traces.context(span));
        let Some(context) = ours.as_ref().or(self.trace.as_ref()) else {
            return;
        };
        if headers.contains_key(&PARENT) {
            return;
        }
        if let Ok(parent) = HeaderValue::try_from(context.to_string()) {
            headers.insert(PARENT, parent);
        }
        if let Some(Ok(state)) = context.state().map(HeaderValue::try_from) {
            headers.insert(STATE, state);
        }
    }

    /// All that can be said against a request before anything of it is sent.
    fn ready(&self, hop: &mut Hop, decodes: bool) -> Result<Ready, EgressError> {
        let Hop {
            method,
            target,
            url,
            ..
        } = hop;
        let rule = decide(&self.egress.config, &self.rules, method, target, url)?;
        self.check_head(hop)?;
        let attacher = Attacher::new(&self.sealed, &self.egress.config, &hop.target);
        let mut ready = match attacher {
            None => Ready {
                rule,
                uri: attach::plain_uri(&hop.url)?,
                headers: hop.headers.clone(),
                body: hop.body()?,
                keys: Vec::new(),
                filling: None,
            },
            Some(attacher) => attach(hop, attacher, rule)?,
        };
        if decodes && !ready.headers.contains_key(ACCEPT_ENCODING) {
            let accepted = decode::accepted(&ready.headers);
            ready.headers.insert(ACCEPT_ENCODING, accepted);
        }
        self.budget.request()?;
        Ok(ready)
    }

    fn check_head(&self, hop: &Hop) -> Result<(), EgressError> {
        let length = outgoing::bytes_of(&hop.headers) + hop.url.as_str().len();
        let limit = self.budget.limits().request_header_bytes;
        if length as u64 > u64::from(limit) {
            return Err(EgressError::denied(format!(
                "URL and headers of the request have {length} bytes, over the limit `request_header_bytes` of {limit}"
            )));
        }
        Ok(())
    }

    fn request(
        &self,
        method: Method,
        ready: Ready,
        entry: &Arc<Entry>,
        broken: &Arc<OnceLock<EgressError>>,
    ) -> Request<OutgoingBody> {
        entry.attached(ready.keys);
        let (mut inner, mut headers) = (ready.body, ready.headers);
        // Said of each body that is all there (RFC 9110, section 8.6), over HTTP/2 too.
        if ready.filling.is_none()
            && let Some(length) = inner.size_hint().exact()
            && (length > 0 || method == Method::POST || method == Method::PUT)
        {
            headers.insert(CONTENT_LENGTH, length.into());
        }
        if let Some((attacher, spelling)) = ready.filling {
            let crossing = self.crossing.clone();
            let filling = Filling::new(inner, attacher, spelling, Arc::clone(entry), crossing);
            inner = filling.boxed_unsync();
        }
        let sent = Sent {
            inner,
            budget: Arc::clone(&self.budget),
            entry: Arc::clone(entry),
            length: 0,
            broken: Arc::clone(broken),
        };
        let mut request = Request::new(sent.boxed_unsync());
        *request.method_mut() = method;
        *request.uri_mut() = ready.uri;
        *request.headers_mut() = headers;
        request
    }

    fn refused(&self, hop: &Hop, error: EgressError) -> EgressError {
        self.refused_at(&hop.method, &hop.target, error)
    }

    fn refused_at(&self, method: &Method, target: &Target, error: EgressError) -> EgressError {
        self.ledger.refused(method.as_str(), target, error.fault);
        error.at(&target.host)
    }

    /// A request to a URL that is no target; its line has what there is of one.
    fn not_read(&self, method: &Method, url: &Url, error: EgressError) -> EgressError {
        match Target::nearest(url) {
            Some(target) => self.refused_at(method, &target, error),
            None => error,
        }
    }

    fn incoming(
        &self,
        hop: Hop,
        response: Response<hyper::body::Incoming>,
        entry: &Arc<Entry>,
        slot: Slot,
        answers: Answers,
    ) -> Incoming {
        let (mut head, wire) = response.into_parts();
        let host = &hop.target.host;
        let has_body = has_body(&hop.method, head.status);
        let mut reason: Option<ReasonPhrase> = head.extensions.get().cloned();
        if let Some(scrubber) = self.sealed.scrubber() {
            reason = reason.and_then(|reason| scrub::reason(scrubber, &reason));
        }
        let mut body = body::received(wire, &self.budget, entry, host, slot);
        if has_body {
            // A value may leave while the answer comes: what a guest with a placeholder gets can be looked into.
            let is_watched = !self.sealed.is_empty();
            let codings = decode::codings(&head.headers);
            let mut coded = None;
            match codings {
                Some(codings) if answers.decoded || is_watched => {
                    body = decode::decoded(body, &codings);
                }
                Some(codings) if codings.is_empty() => {}
                _ => coded = Some(unknown_coding(host)),
            }
            if is_watched && coded.is_none() {
                scrub::forget_length(&mut head.headers);
            }
            let watched = Watched {
                body,
                sealed: Arc::clone(&self.sealed),
                coded,
                stream: None,
            };
            body = watched.pieces();
        }
        let limit = self.budget.limits().response_body_bytes;
        Incoming {
            status: head.status,
            reason,
            headers: head.headers,
            url: hop.shown,
            redirected: answers.redirected,
            body: body::limited(body, "response_body_bytes", limit),
        }
    }
}

/// Whether a request may leave, as far as that can be told before its host is resolved, and by which rule.
pub(super) fn decide(
    config: &EgressConfig,
    rules: &WorkflowEgress,
    method: &Method,
    target: &Target,
    url: &Url,
) -> Result<Option<usize>, EgressError> {
    if outgoing::OF_CONNECTIONS.contains(&method.as_str()) {
        let message = format!("a step cannot make a request with the method {method}");
        return Err(EgressError::denied(message));
    }
    let host = &target.host;
    let by_operator = match target.address {
        Some(address) => config.ground(host, address).is_some(),
        // Its addresses are looked at when one is dialled.
        None => config.may_reach_some(host),
    };
    if !by_operator {
        let message = format!(
            "requests to `{host}` are not allowed: the operator has to list the host or its network"
        );
        return Err(EgressError::denied(message));
    }
    let asked = target.with(method.as_str(), url.path());
    rules.decide(asked).map_err(|_| {
        let message = format!(
            "no rule of this workflow allows {method} to `{target}` and this path; `lockstep egress explain` tells more"
        );
        EgressError::denied(message)
    })
}

/// A request that waits for its answer. Who lets go of it meanwhile has aborted it.
struct Waiting<'a>(Option<&'a Entry>);

impl Waiting<'_> {
    fn over(mut self) {
        self.0 = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(entry) = self.0 {
            entry.dropped();
        }
    }
}

/// What is to be known of an answer beyond itself.
#[derive(Clone, Copy)]
struct Answers {
    redirected: bool,
    decoded: bool,
}

fn failed(entry: &Entry, error: EgressError) -> EgressError {
    entry.failed(error.fault);
    error
}

fn unknown_coding(host: &str) -> EgressError {
    let message = format!(
        "the answer of `{host}` comes in a coding that the host cannot undo, and a sealed credential was sent"
    );
    EgressError::body(message).at(host)
}

/// A request with the values of sealed credentials in it.
fn attach(hop: &mut Hop, attacher: Attacher, rule: Option<usize>) -> Result<Ready, EgressError> {
    let AttachedHead {
        uri,
        mut headers,
        mut keys,
    } = attacher.head(&hop.url, &hop.headers)?;
    let spelling = attach::spelling_of_body(&headers);
    let body = if let RequestBody::Whole(bytes) = &hop.body {
        let filled = attacher.body(bytes, spelling, &mut keys)?;
        body::whole(filled.unwrap_or_else(|| bytes.clone()))
    } else {
        hop.body()?
    };
    if attacher.concerns_host() {
        attach::ask_for_the_whole(&mut headers);
    }
    let mut filling = None;
    if let RequestBody::Stream(_) = hop.body {
        if attacher.may_fill_body() {
            attach::forget_length(&mut headers);
        }
        filling = Some((attacher, spelling));
    }
    Ok(Ready {
        rule,
        uri,
        headers,
        body,
        keys,
        filling,
    })
}

/// Whether an answer can have a body (RFC 9110, section 6.4.1).
fn has_body(method: &Method, status: StatusCode) -> bool {
    *method != Method::HEAD && !matches!(status.as_u16(), 204 | 304)
}

// === impl Hop ===

impl Hop {
    /// The body to send now.
    fn body(&mut self) -> Result<OutgoingBody, EgressError> {
        self.body.take().ok_or_else(|| {
            let message = "the answer is a redirect that needs the body again, and it was a stream: it is gone";
            EgressError::new(RequestFault::Redirect, message)
        })
    }

    /// The span of it, named as OpenTelemetry's semantic conventions have it for clients of HTTP. It has nothing that the
    /// guest wrote, so neither the host nor a method of its own.
    fn span(&self) -> Span {
        tracing::info_span!(
            "request",
            otel.kind = "client",
            http.request.method = outgoing::known(&self.method),
            rule = tracing::field::Empty,
            http.response.status_code = tracing::field::Empty,
            error.type = tracing::field::Empty,
        )
    }

    fn first(outgoing: Outgoing, target: Target, url: Url) -> Self {
        let mut headers = outgoing.headers;
        outgoing::clean(&mut headers);
        if !matches!(outgoing.body, RequestBody::Stream(_)) {
            // What there is says it.
            headers.remove(CONTENT_LENGTH);
        }
        Self {
            method: outgoing.method,
            target,
            url,
            shown: outgoing.url,
            headers,
            body: outgoing.body,
        }
    }

    /// What a redirect makes of it.
    fn next(
        mut self,
        status: StatusCode,
        place: &Url,
        shared: &Shared,
    ) -> Result<Self, EgressError> {
        let sealed = &shared.sealed;
        if redirect::drops_body(status, &self.method) {
            self.method = Method::GET;
            self.body = RequestBody::None;
            redirect::without_body(&mut self.headers);
        }
        let (target, url) =
            Target::of(place).map_err(|error| shared.not_read(&self.method, place, error))?;
        if target != self.target {
            redirect::for_another_origin(&mut self.headers);
            attach::drop_placeholders(sealed, &mut self.headers);
            if let RequestBody::Whole(body) = &self.body
                && !sealed.find(body).is_empty()
            {
                let message = "the answer is a redirect to another origin, and the body has a sealed credential in it: that goes nowhere else";
                let error = EgressError::new(RequestFault::CredentialHostDenied, message);
                return Err(shared.refused_at(&self.method, &target, error));
            }
        }
        Ok(Self {
            target,
            url,
            shown: place.clone(),
            ..self
        })
    }
}

// === impl WayOut ===

impl WayOut {
    pub(crate) fn new(
        egress: &Arc<Egress>,
        share: &str,
        rules: Arc<WorkflowEgress>,
        limits: &Limits,
    ) -> Self {
        Self {
            egress: Arc::clone(egress),
            share: share.into(),
            rules,
            limits: *limits,
            threshold: None,
            trace: None,
            outlet: None,
        }
    }

    /// Behind this threshold.
    pub(crate) fn behind(self, threshold: Option<Arc<dyn Threshold>>) -> Self {
        Self { threshold, ..self }
    }

    /// As a part of this trace.
    pub(crate) fn within(self, trace: Option<TraceContext>) -> Self {
        Self { trace, ..self }
    }

    /// The outlet, opened when it is first used: most runs make no request.
    pub(crate) fn open(&mut self, sealed: &Arc<Sealed>) -> &Outlet {
        self.outlet.get_or_insert_with(|| {
            let rules = Arc::clone(&self.rules);
            let around = (self.threshold.clone(), self.trace.clone());
            self.egress
                .outlet(&self.share, rules, &self.limits, sealed, around)
        })
    }

    /// The outlet, if it was used.
    pub(crate) fn outlet(&self) -> Option<&Outlet> {
        self.outlet.as_ref()
    }
}

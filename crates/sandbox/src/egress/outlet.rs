//! The way out of one run: each of its requests is decided here, sent, and followed to its end.

use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::BodyExt as _;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use url::Url;

use lockstep_secret::Masker;
use lockstep_step::{Limits, RequestFault, RequestReceipt, WorkflowEgress};

use super::body::{self, Sent};
use super::budget::Budget;
use super::config::EgressConfig;
use super::decode;
use super::error::EgressError;
use super::ledger::{Entry, Ledger};
use super::outgoing::{self, Incoming, Outgoing, RequestBody};
use super::pool::{Connections, Pool};
use super::redirect::{self, MAX_REDIRECTS, Redirects};
use super::target::Target;
use super::tls::{self, InvalidRoot};

/// The way out of all runs of a sandbox.
pub(crate) struct Egress {
    config: Arc<EgressConfig>,
    pool: Pool,
}

/// The way out of one run, which it may never take.
pub(crate) struct WayOut {
    egress: Arc<Egress>,
    share: Box<str>,
    rules: Arc<WorkflowEgress>,
    limits: Limits,
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
    pub(crate) fn new(config: EgressConfig) -> Result<Self, InvalidRoot> {
        let tls = tls::client(&config.roots)?;
        let config = Arc::new(config);
        Ok(Self {
            pool: Pool::new(Arc::clone(&config), tls),
            config,
        })
    }

    /// The way out of a run of `workspace`, whose workflow has `rules`.
    fn outlet(
        self: &Arc<Self>,
        workspace: &str,
        rules: Arc<WorkflowEgress>,
        limits: &Limits,
    ) -> Outlet {
        let shared = Shared {
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
    /// Requests that have left so far.
    pub(crate) fn requests(&self) -> u32 {
        self.shared.ledger.left()
    }

    /// What is written down of the requests so far.
    pub(crate) fn receipts(&self, masker: &Masker) -> Vec<RequestReceipt> {
        self.shared.ledger.receipts(masker)
    }

    /// Sends a request, and follows it where it leads.
    pub(crate) async fn send(&self, outgoing: Outgoing) -> Result<Incoming, EgressError> {
        let shared = &self.shared;
        let (redirects, decodes) = (outgoing.redirects, outgoing.decodes);
        let mut hop = Hop::first(outgoing)?;
        let mut slot = shared.budget.slot().await?;
        for followed in 0..=MAX_REDIRECTS {
            let host = hop.target.host.clone();
            let (response, entry) = shared.exchange(&mut hop, decodes).await?;
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
            entry.ended();
            if redirects == Redirects::Error {
                let message =
                    format!("`{host}` answered with a redirect, and the request asks for none");
                return Err(EgressError::new(RequestFault::Redirect, message).at(&host));
            }
            let status = response.status();
            drop(response);
            hop = hop.next(status, &place)?;
            // The place is taken again, so that a body that ends late cannot keep two.
            drop(slot);
            slot = shared.budget.slot().await?;
        }
        let message = format!("more than {MAX_REDIRECTS} redirects in a row");
        Err(EgressError::new(RequestFault::Redirect, message).at(&hop.target.host))
    }
}

// === impl Shared ===

impl Shared {
    /// Decides about one request, and sends it.
    async fn exchange(
        &self,
        hop: &mut Hop,
        decodes: bool,
    ) -> Result<(Response<hyper::body::Incoming>, Arc<Entry>), EgressError> {
        let admitted = self.decide(hop).and_then(|rule| {
            self.budget.request()?;
            Ok(rule)
        });
        let rule = admitted.map_err(|error| self.refused(hop, error))?;
        let entry = self.ledger.allowed(hop.method.as_str(), &hop.target, rule);
        let request = self.request(hop, &entry, decodes);
        let host = &hop.target.host;
        let request = request.map_err(|error| failed(&entry, error.at(host)))?;
        let limit = self.budget.limits().first_byte_timeout;
        match timeout(limit, self.connections.request(request)).await {
            Ok(Ok(response)) => {
                entry.answered(response.status().as_u16());
                Ok((response, entry))
            }
            Ok(Err(error)) => Err(failed(&entry, EgressError::of_client(&error, host))),
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

    /// Whether a request may leave, as far as that can be told before its host is resolved, and by which rule.
    fn decide(&self, hop: &Hop) -> Result<Option<usize>, EgressError> {
        let Hop { target, .. } = hop;
        let config = &self.egress.config;
        let by_operator = match target.address {
            Some(address) => config.allows(&target.host, address),
            // Its addresses are looked at when one is dialled.
            None => config.may_reach_some(&target.host),
        };
        if !by_operator {
            let host = &target.host;
            let message = format!(
                "requests to `{host}` are not allowed: the operator has to list the host or its network"
            );
            return Err(EgressError::denied(message));
        }
        let asked = target.with(hop.method.as_str(), hop.url.path());
        self.rules.decide(asked).map_err(|_| {
            let method = &hop.method;
            let message = format!(
                "no rule of this workflow allows {method} to `{target}` and this path; `lockstep egress explain` tells more"
            );
            EgressError::denied(message)
        })
    }

    fn refused(&self, hop: &Hop, error: EgressError) -> EgressError {
        self.ledger
            .refused(hop.method.as_str(), &hop.target, error.fault);
        error.at(&hop.target.host)
    }

    fn request(
        &self,
        hop: &mut Hop,
        entry: &Arc<Entry>,
        decodes: bool,
    ) -> Result<Request<body::OutgoingBody>, EgressError> {
        let uri = Uri::try_from(hop.url.as_str())
            .map_err(|error| EgressError::denied(format!("the URL cannot be sent: {error}")))?;
        let mut headers = hop.headers.clone();
        let inner = hop.body.take(&mut headers).ok_or_else(|| {
            let message = "the answer is a redirect that needs the body again, and it was a stream: it is gone";
            EgressError::new(RequestFault::Redirect, message)
        })?;
        if decodes && !headers.contains_key(ACCEPT_ENCODING) {
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(decode::ACCEPTED));
        }
        let length = outgoing::bytes_of(&headers) + hop.url.as_str().len();
        let limit = self.budget.limits().request_header_bytes as usize;
        if length > limit {
            return Err(EgressError::denied(format!(
                "URL and headers of the request have {length} bytes, over the limit `request_header_bytes` of {limit}"
            )));
        }
        let sent = Sent {
            inner,
            budget: Arc::clone(&self.budget),
            entry: Arc::clone(entry),
            length: 0,
        };
        let mut request = Request::new(sent.boxed_unsync());
        *request.method_mut() = hop.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn incoming(
        &self,
        hop: Hop,
        response: Response<hyper::body::Incoming>,
        entry: &Arc<Entry>,
        slot: OwnedSemaphorePermit,
        answers: Answers,
    ) -> Incoming {
        let (head, wire) = response.into_parts();
        let host = &hop.target.host;
        let has_body = has_body(&hop.method, head.status);
        let mut body = body::received(wire, &self.budget, entry, host, slot);
        if answers.decoded
            && has_body
            && let Some(codings) = decode::codings(&head.headers)
        {
            body = decode::decoded(body, &codings);
        }
        let limit = self.budget.limits().response_body_bytes;
        Incoming {
            status: head.status,
            reason: head.extensions.get().cloned(),
            headers: head.headers,
            url: hop.shown,
            redirected: answers.redirected,
            body: body::limited(body, "response_body_bytes", limit),
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

/// Whether an answer can have a body (RFC 9110, section 6.4.1).
fn has_body(method: &Method, status: StatusCode) -> bool {
    *method != Method::HEAD && !matches!(status.as_u16(), 204 | 304)
}

// === impl Hop ===

impl Hop {
    fn first(outgoing: Outgoing) -> Result<Self, EgressError> {
        let (target, url) = Target::of(&outgoing.url)?;
        let mut headers = outgoing.headers;
        outgoing::clean(&mut headers);
        Ok(Self {
            method: outgoing.method,
            target,
            url,
            shown: outgoing.url,
            headers,
            body: outgoing.body,
        })
    }

    /// What a redirect makes of it.
    fn next(mut self, status: StatusCode, place: &Url) -> Result<Self, EgressError> {
        if redirect::drops_body(status, &self.method) {
            self.method = Method::GET;
            self.body = RequestBody::None;
            redirect::without_body(&mut self.headers);
        }
        let (target, url) = Target::of(place)?;
        if target != self.target {
            redirect::for_another_origin(&mut self.headers);
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
            outlet: None,
        }
    }

    /// The outlet, opened when it is first used: most runs make no request.
    pub(crate) fn open(&mut self) -> &Outlet {
        self.outlet.get_or_insert_with(|| {
            self.egress
                .outlet(&self.share, Arc::clone(&self.rules), &self.limits)
        })
    }

    /// The outlet, if it was used.
    pub(crate) fn outlet(&self) -> Option<&Outlet> {
        self.outlet.as_ref()
    }
}

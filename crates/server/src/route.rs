//! How a handler gets into the router: with a right that its caller must have, and with a [`Caller`], or not at all.

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::handler::Handler;
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use tracing::Instrument as _;
use utoipa::openapi::path::HttpMethod;

use lockstep_step::Right;

use crate::caller::{Caller, Entrance, RoutePlace};
use crate::host::Host;
use crate::problem::Problem;
use crate::trace;

/// A route of the API, as the router has it.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Route {
    pub(crate) method: String,
    pub(crate) path: String,
}

/// The API while it is put together.
#[derive(Default)]
pub(crate) struct Api {
    router: Router<Host>,
    routes: Vec<Route>,
}

impl Api {
    /// A route for callers who have `right` in the workspace that its path names, or in that of their token. The rest of the request is read, as
    /// `X`, once the caller is let in.
    ///
    /// Method and path are those of the handler's documentation, so the router and the document cannot differ.
    pub(crate) fn route<P, X, F>(
        self,
        path: P,
        right: Right,
        handler: impl Fn(Caller, Host, X) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        P: utoipa::Path,
        X: FromRequest<Host, Rejection = Problem> + Send + 'static,
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        let place = if P::path().contains("{workspace}") {
            RoutePlace::Workspace
        } else {
            RoutePlace::Token
        };
        self.route_to(path, place, right, handler)
    }

    /// A route about the host itself, for callers who have `right` in the workspace `default`. A workspace that its path
    /// names is what it is about, and not where its caller is.
    pub(crate) fn host_route<P, X, F>(
        self,
        path: P,
        right: Right,
        handler: impl Fn(Caller, Host, X) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        P: utoipa::Path,
        X: FromRequest<Host, Rejection = Problem> + Send + 'static,
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        self.route_to(path, RoutePlace::Host, right, handler)
    }

    fn route_to<P, X, F>(
        self,
        _: P,
        place: RoutePlace,
        right: Right,
        handler: impl Fn(Caller, Host, X) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        P: utoipa::Path,
        X: FromRequest<Host, Rejection = Problem> + Send + 'static,
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        let path: Arc<str> = P::path().into();
        self.add::<P, _>(async move |State(host): State<Host>, request: Request| {
            let (began, method) = (Instant::now(), request.method().clone());
            let (mut parts, body) = request.into_parts();
            let span = trace::span(&host, &method, &path, &parts.headers);
            let entrance = Entrance {
                right,
                place,
                path: &path,
            };
            let admitted = Caller::admit(&host, entrance, &mut parts);
            let caller = admitted.instrument(span.clone()).await;
            let name = caller
                .as_ref()
                .ok()
                .map(|it| it.as_runner_knows().name.clone());
            let request = Request::from_parts(parts, body);
            let answer = answer(caller, host.clone(), request, handler).instrument(span.clone());
            let answer = answer.await.into_response();
            // The path as it was written is not told: somebody may have put a value there.
            let (status, took) = (answer.status(), began.elapsed());
            host.metrics.answered(&method, &path, status, took);
            let (status, took_us, path) = (status.as_u16(), took.as_micros(), &*path);
            trace::answered(&span, status);
            tracing::debug!(%method, path, caller = name, status, took_us, "answered");
            answer
        })
    }

    /// A route for everybody: it can tell nothing of any workspace.
    pub(crate) fn open_route<P, F>(
        self,
        _: P,
        handler: impl Fn(Host) -> F + Clone + Send + Sync + 'static,
    ) -> Self
    where
        P: utoipa::Path,
        F: Future<Output = Result<Response, Problem>> + Send + 'static,
    {
        let path: Arc<str> = P::path().into();
        self.add::<P, _>(async move |State(host): State<Host>, method: Method| {
            let began = Instant::now();
            let answer = handler(host.clone()).await.into_response();
            let (status, took) = (answer.status(), began.elapsed());
            host.metrics.answered(&method, &path, status, took);
            answer
        })
    }

    /// The router, and what is in it.
    pub(crate) fn into_parts(self) -> (Router<Host>, Vec<Route>) {
        let router = self
            .router
            .fallback(async |State(host): State<Host>| no_route(&host, Problem::unknown_path()))
            .method_not_allowed_fallback(async |State(host): State<Host>| {
                no_route(&host, Problem::unknown_method())
            });
        (router, self.routes)
    }

    fn add<P, T>(mut self, handler: impl Handler<T, Host>) -> Self
    where
        P: utoipa::Path,
        T: 'static,
    {
        let path = P::path();
        let methods = P::methods();
        let filters = methods.iter().map(filter).reduce(MethodFilter::or);
        let router = filters.map_or_else(MethodRouter::new, |methods| on(methods, handler));
        self.routes.extend(methods.iter().map(|method| Route {
            method: word(method).to_owned(),
            path: path.clone(),
        }));
        self.router = self.router.route(&path, router);
        self
    }
}

fn no_route(host: &Host, problem: Problem) -> Response {
    let answer = problem.into_response();
    host.metrics.found_no_route(answer.status());
    answer
}

/// Goes on with a request once its caller is let in.
async fn answer<X, F>(
    caller: Result<Caller, Problem>,
    host: Host,
    request: Request,
    handler: impl Fn(Caller, Host, X) -> F,
) -> Result<Response, Problem>
where
    X: FromRequest<Host, Rejection = Problem>,
    F: Future<Output = Result<Response, Problem>>,
{
    let caller = caller?;
    let asked = X::from_request(request, &host).await?;
    handler(caller, host, asked).await
}

fn filter(method: &HttpMethod) -> MethodFilter {
    match method {
        HttpMethod::Get => MethodFilter::GET,
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Put => MethodFilter::PUT,
        HttpMethod::Delete => MethodFilter::DELETE,
        HttpMethod::Options => MethodFilter::OPTIONS,
        HttpMethod::Head => MethodFilter::HEAD,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Trace => MethodFilter::TRACE,
    }
}

fn word(method: &HttpMethod) -> &'static str {
    match method {
        HttpMethod::Get => "get",
        HttpMethod::Post => "post",
        HttpMethod::Put => "put",
        HttpMethod::Delete => "delete",
        HttpMethod::Options => "options",
        HttpMethod::Head => "head",
        HttpMethod::Patch => "patch",
        HttpMethod::Trace => "trace",
    }
}

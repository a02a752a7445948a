//! All that there is to call.

use utoipa::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

use lockstep_step::Right;

use crate::audit::*;
use crate::audit_check::*;
use crate::bulk::*;
use crate::cancel::*;
use crate::copies::*;
use crate::credentials::*;
use crate::docs::*;
use crate::forms;
use crate::health::*;
use crate::keys::*;
use crate::members::*;
use crate::metrics::*;
use crate::route::Api;
use crate::running::*;
use crate::runs::*;
use crate::step_lists::*;
use crate::steps::*;
use crate::tokens::*;
use crate::usage::*;
use crate::workflows::*;
use crate::workspaces::*;

/// The document. A test compares its paths with those of the router.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Lockstep",
        description = "Runs the code steps of workflows, with credentials that stay out of everything written down."
    ),
    paths(
        healthz,
        readyz,
        openapi,
        docs,
        docs_style,
        docs_script,
        metrics,
        put_credential,
        get_credential,
        delete_credential,
        list_credentials,
        put_workflow_credential,
        get_workflow_credential,
        delete_workflow_credential,
        list_workflow_credentials,
        patch_credentials,
        patch_workflow_credentials,
        get_credential_usage,
        get_workflow_credential_usage,
        get_effective_credentials,
        get_credential_permissions,
        put_credential_permissions,
        put_step,
        get_step,
        delete_step,
        list_steps,
        list_step_versions,
        run_step,
        run_inline,
        list_runs,
        get_run,
        get_run_logs,
        list_workspaces,
        add_workspace,
        remove_workspace,
        get_workspace,
        set_workspace,
        list_workflows,
        get_workflow,
        put_workflow,
        get_egress,
        put_egress,
        explain_egress,
        delete_workflow,
        whoami,
        create_token,
        list_tokens,
        revoke_token,
        add_member,
        list_members,
        set_member,
        remove_member,
        cancel_run,
        list_audit,
        get_audit_head,
        verify_audit,
        list_host_audit,
        get_host_audit_head,
        verify_host_audit,
        list_keys,
        rotate_key,
        rewrap_keys,
        retire_key,
        get_backup,
        restore,
        get_restore,
    )
)]
struct Document;

/// The routes, each with the right that it takes.
pub(crate) fn api() -> Api {
    let api = Api::default()
        .open_route(__path_healthz, healthz)
        .open_route(__path_readyz, readyz)
        .open_route(__path_openapi, openapi)
        .open_route(__path_docs, docs)
        .open_route(__path_docs_style, docs_style)
        .open_route(__path_docs_script, docs_script)
        .host_route(__path_metrics, Right::SeeRuns, metrics);
    runs(management(copies(keys(audit(steps(credentials(api)))))))
}

fn runs(api: Api) -> Api {
    api.route(__path_run_step, Right::Run, run_step)
        .route(__path_run_inline, Right::Run, run_inline)
        .route(__path_list_runs, Right::SeeRuns, list_runs)
        .route(__path_get_run, Right::SeeRuns, get_run)
        .route(__path_get_run_logs, Right::SeeRuns, get_run_logs)
        .route(__path_cancel_run, Right::Run, cancel_run)
}

fn audit(api: Api) -> Api {
    api.route(__path_list_audit, Right::Administer, list_audit)
        .route(__path_get_audit_head, Right::Administer, get_audit_head)
        .route(__path_verify_audit, Right::Administer, verify_audit)
        .host_route(__path_list_host_audit, Right::Administer, list_host_audit)
        .host_route(
            __path_get_host_audit_head,
            Right::Administer,
            get_host_audit_head,
        )
        .host_route(
            __path_verify_host_audit,
            Right::Administer,
            verify_host_audit,
        )
}

fn keys(api: Api) -> Api {
    api.host_route(__path_list_keys, Right::Administer, list_keys)
        .host_route(__path_rotate_key, Right::Administer, rotate_key)
        .host_route(__path_rewrap_keys, Right::Administer, rewrap_keys)
        .host_route(__path_retire_key, Right::Administer, retire_key)
}

fn copies(api: Api) -> Api {
    api.host_route(__path_get_backup, Right::Administer, get_backup)
        .host_route(__path_restore, Right::Administer, restore)
        .host_route(__path_get_restore, Right::Administer, get_restore)
}

fn management(api: Api) -> Api {
    api.route(__path_list_workspaces, Right::SeeKeys, list_workspaces)
        .host_route(__path_add_workspace, Right::Administer, add_workspace)
        .host_route(__path_remove_workspace, Right::Administer, remove_workspace)
        .route(__path_get_workspace, Right::SeeKeys, get_workspace)
        .route(__path_set_workspace, Right::Administer, set_workspace)
        .route(__path_list_workflows, Right::SeeKeys, list_workflows)
        .route(__path_get_workflow, Right::SeeKeys, get_workflow)
        .route(__path_put_workflow, Right::Edit, put_workflow)
        .route(__path_get_egress, Right::SeeKeys, get_egress)
        .route(__path_put_egress, Right::Administer, put_egress)
        .route(__path_explain_egress, Right::Edit, explain_egress)
        .route(__path_delete_workflow, Right::Edit, delete_workflow)
        .route(__path_whoami, Right::SeeRuns, whoami)
        .route(__path_create_token, Right::Administer, create_token)
        .route(__path_list_tokens, Right::Administer, list_tokens)
        .route(__path_revoke_token, Right::Administer, revoke_token)
        .route(__path_add_member, Right::Administer, add_member)
        .route(__path_list_members, Right::Administer, list_members)
        .route(__path_set_member, Right::Administer, set_member)
        .route(__path_remove_member, Right::Administer, remove_member)
}

fn credentials(api: Api) -> Api {
    api.route(__path_put_credential, Right::Administer, put_credential)
        .route(__path_get_credential, Right::SeeKeys, get_credential)
        .route(
            __path_delete_credential,
            Right::Administer,
            delete_credential,
        )
        .route(__path_list_credentials, Right::SeeKeys, list_credentials)
        .route(
            __path_put_workflow_credential,
            Right::Administer,
            put_workflow_credential,
        )
        .route(
            __path_get_workflow_credential,
            Right::SeeKeys,
            get_workflow_credential,
        )
        .route(
            __path_delete_workflow_credential,
            Right::Administer,
            delete_workflow_credential,
        )
        .route(
            __path_list_workflow_credentials,
            Right::SeeKeys,
            list_workflow_credentials,
        )
        .route(
            __path_patch_credentials,
            Right::Administer,
            patch_credentials,
        )
        .route(
            __path_patch_workflow_credentials,
            Right::Administer,
            patch_workflow_credentials,
        )
        .route(
            __path_get_credential_usage,
            Right::SeeKeys,
            get_credential_usage,
        )
        .route(
            __path_get_workflow_credential_usage,
            Right::SeeKeys,
            get_workflow_credential_usage,
        )
        .route(
            __path_get_effective_credentials,
            Right::SeeKeys,
            get_effective_credentials,
        )
        .route(
            __path_get_credential_permissions,
            Right::SeeKeys,
            get_credential_permissions,
        )
        .route(
            __path_put_credential_permissions,
            Right::Administer,
            put_credential_permissions,
        )
}

fn steps(api: Api) -> Api {
    api.route(__path_put_step, Right::Edit, put_step)
        .route(__path_get_step, Right::SeeKeys, get_step)
        .route(__path_delete_step, Right::Edit, delete_step)
        .route(__path_list_steps, Right::SeeKeys, list_steps)
        .route(
            __path_list_step_versions,
            Right::SeeKeys,
            list_step_versions,
        )
}

/// The OpenAPI document, as JSON.
///
/// # Errors
/// None that is known: what the handlers say of themselves has a JSON form.
pub fn document() -> Result<String, serde_json::Error> {
    let mut document = Document::openapi();
    forms::add_to(&mut document);
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer);
    let token = SecurityScheme::Http(bearer.description(Some("`lockstep token create`")).build());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", token);
    document.to_json()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_has_the_routes_of_the_router_and_no_others() {
        let (_, mut routes) = api().into_parts();
        routes.sort();
        let document: serde_json::Value = serde_json::from_str(&document().unwrap()).unwrap();
        let mut documented = Vec::new();
        for (path, methods) in document["paths"].as_object().unwrap() {
            for method in methods.as_object().unwrap().keys() {
                documented.push(crate::route::Route {
                    method: method.clone(),
                    path: path.clone(),
                });
            }
        }
        documented.sort();
        assert_eq!(routes, documented);
    }
}

//! Which addresses are dialled.

use lockstep_step::RequestFault;

use super::{Reach, Scene};

/// Spellings of an address of this machine.
const LOOPBACK: [&str; 9] = [
    "127.0.0.1",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "127.0.0.1.",
    "[::ffff:127.0.0.1]",
];

#[tokio::test]
async fn this_machine_is_out_of_reach_in_every_spelling_unless_it_is_listed() {
    let mut scene = Scene::unlisted();
    let url = |scene: &Scene, host: &str| scene.upstream.http(host, "/echo");
    for host in LOOPBACK {
        scene.denied(&url(&scene, host), "are not allowed").await;
    }
    scene.config.networks = vec!["127.0.0.0/8".parse().unwrap()];
    for host in LOOPBACK {
        scene.arrives(&url(&scene, host)).await;
    }
}

#[tokio::test]
async fn other_addresses_that_are_not_public_are_out_of_reach() {
    let scene = Scene::unlisted();
    for host in [
        "[::1]",
        "0.0.0.0",
        "[::]",
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::169.254.169.254]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.0.1",
        "100.64.0.1",
        "168.63.129.16",
        "224.0.0.1",
        "255.255.255.255",
    ] {
        let url = scene.upstream.http(host, "/echo");
        scene.denied(&url, "are not allowed").await;
    }
}

#[tokio::test]
async fn a_name_is_as_good_as_its_addresses() {
    let mut scene = Scene::unlisted();
    scene.names.tell("inside.example", &[&["127.0.0.1"]]);
    scene.names.tell("mapped.example", &[&["::ffff:127.0.0.1"]]);
    scene
        .names
        .tell("both.example", &[&["10.0.0.1", "127.0.0.1"]]);
    let names = ["inside.example", "mapped.example", "both.example"];
    for name in names {
        let url = scene.upstream.http(name, "/echo");
        scene
            .denied(&url, "no address that requests may go to")
            .await;
    }
    // Of two addresses the one that may be dialled is.
    scene.config.networks = vec!["127.0.0.1/32".parse().unwrap()];
    for name in names {
        scene.arrives(&scene.upstream.http(name, "/echo")).await;
    }
}

#[tokio::test]
async fn a_name_that_is_bound_to_another_address_is_checked_again() {
    let mut scene = Scene::unlisted();
    scene.config.networks = vec!["127.0.0.1/32".parse().unwrap()];
    // A connection that is kept goes where it went.
    scene.config.idle_connections = 0;
    let answers: &[&[&str]] = &[&["127.0.0.1"], &["127.0.0.2"], &["127.0.0.1"]];
    scene.names.tell("rebinding.example", answers);
    let outlet = scene.outlet();
    let url = scene.upstream.http("rebinding.example", "/echo");
    outlet.get(&url).await.unwrap();
    let error = outlet.get(&url).await.unwrap_err();
    assert_eq!(error.fault, RequestFault::EgressDenied, "{error}");
    outlet.get(&url).await.unwrap();
    // What was looked up is what was dialled: nobody looked twice for one connection.
    assert_eq!(scene.names.asked().len(), 3);
    assert_eq!(scene.upstream.connections(), 2);
}

#[tokio::test]
async fn a_listed_host_may_be_reached_wherever_it_is() {
    let scene = Scene::new();
    scene
        .arrives(&scene.upstream.https("echo.test", "/echo"))
        .await;
    scene.names.tell("echo.example", &[&["127.0.0.1"]]);
    let other = scene.upstream.https("echo.example", "/echo");
    scene
        .denied(&other, "no address that requests may go to")
        .await;
}

#[tokio::test]
async fn nothing_is_reached_where_the_operator_allows_nothing() {
    let mut scene = Scene::unlisted();
    scene.config.reach = Reach::Nothing;
    scene.names.tell("public.example", &[&["8.8.8.8"]]);
    let url = scene.upstream.http("public.example", "/echo");
    scene.denied(&url, "the operator has to list").await;
    // Not even its name is asked for: it could tell something, too.
    assert_eq!(scene.names.asked(), [""; 0]);
    scene.config.hosts = vec!["echo.test".parse().unwrap()];
    scene
        .arrives(&scene.upstream.http("echo.test", "/echo"))
        .await;
}

#[tokio::test]
async fn a_name_without_an_address_and_a_port_without_a_server_are_told() {
    let scene = Scene::new();
    let unknown = "https://unknown.example/";
    scene
        .fails(unknown, RequestFault::Dns, "`unknown.example`")
        .await;
    scene.names.tell("empty.test", &[&[]]);
    let empty = "https://empty.test/";
    scene
        .fails(empty, RequestFault::Dns, "has no address")
        .await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!(
        "http://closed.test:{}/",
        closed.local_addr().unwrap().port()
    );
    drop(closed);
    scene
        .fails(&url, RequestFault::Connect, "`closed.test`")
        .await;
}

#[tokio::test]
async fn a_certificate_that_is_not_good_is_refused() {
    let scene = Scene::new();
    for name in ["expired.test", "wrong-name.test", "untrusted.test"] {
        let url = scene.upstream.https(name, "/echo");
        scene.fails(&url, RequestFault::Tls, name).await;
    }
    assert_eq!(scene.upstream.received().len(), 0);
    scene
        .arrives(&scene.upstream.https("good.test", "/echo"))
        .await;
    let mut distrusting = Scene::new();
    distrusting.config.roots.clear();
    let url = distrusting.upstream.https("good.test", "/echo");
    distrusting
        .fails(&url, RequestFault::Tls, "`good.test`")
        .await;
}

#[tokio::test]
async fn an_address_may_have_a_certificate() {
    let mut scene = Scene::unlisted();
    scene.config.networks = vec!["127.0.0.0/8".parse().unwrap()];
    scene
        .arrives(&scene.upstream.https("127.0.0.1", "/echo"))
        .await;
}

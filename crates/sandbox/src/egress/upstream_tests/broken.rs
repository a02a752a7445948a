//! Servers that do not speak as they should.

use lockstep_step::RequestFault;

use super::Scene;

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error_and_not_an_end() {
    let scene = Scene::new();
    for url in [
        scene.upstream.https("cut.test", "/broken/cut"),
        scene.upstream.http("cut.test", "/broken/cut"),
        scene.upstream.raw(
            "cut.test",
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort",
        ),
        scene.upstream.raw(
            "cut.test",
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nshort\r\n",
        ),
    ] {
        scene.fails(&url, RequestFault::Body, "broke off").await;
    }
    let coded = scene.upstream.https("cut.test", "/broken/gzip");
    scene
        .fails(&coded, RequestFault::Body, "cannot be decompressed")
        .await;
}

#[tokio::test]
async fn what_is_no_answer_is_told() {
    let scene = Scene::new();
    let answers: [&[u8]; 9] = [
        b"",
        b"garbage\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nx-a: b\0c\r\ncontent-length: 0\r\n\r\n",
        // A header that would be two if one believed in bare line ends.
        b"HTTP/1.1 200 OK\r\nx-a: b\rset-cookie: c=d\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n bad name: b\r\ncontent-length: 0\r\n\r\n",
    ];
    for answer in answers {
        let url = scene.upstream.raw("broken.test", answer);
        let error = match scene.get(&url).await {
            Err(error) => error,
            Ok(answered) => panic!("{}: {answered:?}", String::from_utf8_lossy(answer)),
        };
        let told = String::from_utf8_lossy(answer);
        assert_eq!(error.fault, RequestFault::Protocol, "{told}: {error}");
        assert!(error.message.contains("`broken.test`"), "{error}");
    }
    let well = b"HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 2\r\n\r\nok";
    let url = scene.upstream.raw("broken.test", well);
    assert_eq!(scene.get(&url).await.unwrap(), (200, b"ok".to_vec()));
}

#[tokio::test]
async fn a_head_is_so_long_and_no_longer() {
    let scene = Scene::new();
    for url in [
        scene.upstream.https("long.test", "/broken/header/30000"),
        scene.upstream.http("long.test", "/broken/header/30000"),
        scene.upstream.https("long.test", "/broken/headers/200"),
        scene.upstream.http("long.test", "/broken/headers/200"),
    ] {
        scene.arrives(&url).await;
    }
    for url in [
        scene.upstream.https("long.test", "/broken/header/1000000"),
        scene.upstream.http("long.test", "/broken/header/1000000"),
        scene.upstream.https("long.test", "/broken/headers/20000"),
        scene.upstream.http("long.test", "/broken/headers/20000"),
    ] {
        scene
            .fails(&url, RequestFault::Protocol, "`long.test`")
            .await;
    }
}

#[tokio::test]
async fn what_comes_behind_an_answer_is_not_taken_for_the_next() {
    let scene = Scene::new();
    let smuggled = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil";
    let url = scene.upstream.raw("broken.test", smuggled);
    let outlet = scene.outlet();
    for _ in 0..3 {
        assert_eq!(outlet.get(&url).await.unwrap(), (200, b"ok".to_vec()));
    }
    assert_eq!(scene.upstream.connections(), 3);
}

#[tokio::test]
async fn an_answer_before_the_body_was_sent_is_an_answer() {
    let scene = Scene::new();
    for url in [
        scene.upstream.https("early.test", "/early"),
        scene.upstream.http("early.test", "/early"),
    ] {
        let outgoing = super::post(&url, vec![b'x'; 100]);
        let (status, _) = scene.outlet().fetch(outgoing).await.unwrap();
        assert_eq!(status, 413, "{url}");
    }
}

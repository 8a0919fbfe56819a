//! These tests use `https` in a build without the feature `tls`.

use std::io::ErrorKind;

use common::sockets::run;
use oneloop_hyper::client::Connector;

use crate::support::{causes, connect};

#[test]
fn https_is_an_error_that_names_the_feature() {
    run(async {
        let uri = "https://localhost/".parse().expect("a URI");
        let error = connect(Connector::new(), &uri).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);

        let error = oneloop_hyper::client::<String>().get(uri).await.unwrap_err();
        assert!(error.is_connect());
        assert!(causes(&error).contains("feature `tls`"), "{}", causes(&error));
    });
}

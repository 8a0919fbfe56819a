//! Redis Cluster. All keys of a queue are in one slot, and the queue finds the node that has the slot.

use std::net::TcpListener;

use oneloop_work_queue::Queue;

use crate::support::{Redis, Running, run, until, until_empty};

/// An address of this test alone. A port of it that was closed therefore stays free.
const ADDRESS: &str = "127.19.84.1";

fn free_ports<const N: usize>() -> [String; N] {
    let probes = [(); N].map(|()| TcpListener::bind((ADDRESS, 0)).expect("a port"));
    probes.each_ref().map(|probe| probe.local_addr().unwrap().port().to_string())
}

#[test]
fn a_queue_finds_its_node_of_a_cluster() {
    let test = "a_queue_finds_its_node_of_a_cluster";
    let [port_1, bus_1, port_2, bus_2] = free_ports();
    let node = |port: &str, bus: &str| {
        // Without its announcement a node would have the address from which it connects, 127.0.0.1.
        let cluster = ["--cluster-enabled", "yes", "--port", port, "--cluster-port", bus];
        let address = ["--bind", ADDRESS, "--cluster-announce-ip", ADDRESS];
        Redis::start_with(test, &[&cluster[..], &address].concat())
    };
    let (Some(first), Some(second)) = (node(&port_1, &bus_1), node(&port_2, &bus_2)) else { return };
    let _: String = first.command(&["CLUSTER", "ADDSLOTSRANGE", "0", "8191"]);
    let _: String = second.command(&["CLUSTER", "ADDSLOTSRANGE", "8192", "16383"]);
    let _: String = first.command(&["CLUSTER", "MEET", ADDRESS, &port_2, &bus_2]);
    for node in [&first, &second] {
        until("the cluster has both nodes", || {
            let info: String = node.command(&["CLUSTER", "INFO"]);
            (info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:2")).then_some(())
        });
    }
    let url = format!("redis://{ADDRESS}:{port_1}");
    let mut nodes = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let slot: u32 = first.command(&["CLUSTER", "KEYSLOT", &format!("oneloop:{{{name}}}:jobs")]);
        nodes.push(slot <= 8191);
        let make = {
            let url = url.clone();
            move || Queue::builder(name).redis(&url).unwrap()
        };
        let queue = make();
        let worker = Running::start(make, |worker| worker, |_| async { Ok(()) });
        run(async {
            let producer = queue.producer();
            for n in 0..20 {
                producer.add(n.to_string()).await.unwrap();
            }
        });
        until_empty(&queue);
        assert_eq!(worker.stop().done, 20, "{name}");
    }
    assert!(nodes.contains(&true) && nodes.contains(&false), "the queues are on both nodes");
}

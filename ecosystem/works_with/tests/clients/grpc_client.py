"""Python's grpcio calls the service that tests/grpc/service.rs describes."""

import sys

import grpc


def request(name="", count=0):
    text = name.encode()
    assert len(text) < 128 and count < 128, "one byte for each number"
    return b"\x0a" + bytes([len(text)]) + text + b"\x10" + bytes([count])


def reply(data):
    assert data[0] == 0x0A and data[1] == len(data) - 2 < 128, data
    return data[2:].decode()


# The server is on this machine, so no proxy is used.
with grpc.insecure_channel(sys.argv[1], [("grpc.enable_http_proxy", 0)]) as channel:
    hello = channel.unary_unary("/works.Greeter/Hello", lambda r: r, reply)
    count = channel.unary_stream("/works.Greeter/Count", lambda r: r, reply)
    talk = channel.stream_stream("/works.Greeter/Talk", lambda r: r, reply)

    assert hello(request("Ada"), timeout=60) == "hello Ada"
    # The calls overlap on one connection.
    calls = [hello.future(request(f"{n}"), timeout=60) for n in range(50)]
    assert [call.result() for call in calls] == [f"hello {n}" for n in range(50)]

    assert list(count(request(count=100), timeout=60)) == [str(n) for n in range(1, 101)]
    names = iter([request("Ada"), request("Grace")])
    assert list(talk(names, timeout=60)) == ["hello Ada", "hello Grace"]

    try:
        hello(request(""), timeout=60)
        raise AssertionError("no error")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.INVALID_ARGUMENT, error
        assert error.details() == "a name is needed", error

    try:
        hello(request("never"), timeout=2)
        raise AssertionError("no error")
    except grpc.RpcError as error:
        assert error.code() == grpc.StatusCode.DEADLINE_EXCEEDED, error

    endless = count(request(count=0), timeout=60)
    assert next(endless) == "1"
    endless.cancel()
    # The connection still works.
    assert hello(request("Grace"), timeout=60) == "hello Grace"
print("done")

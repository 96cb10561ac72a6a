"""S3 on this machine: a server on loopback, and what tells clients to ask it."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from fsspec import get_filesystem_class
from moto.server import ThreadedMotoServer


def settings(url: str) -> dict[str, str]:
    """The environment of a client of the server at this URL."""
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "test")
    return {**keys, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": url}


@contextmanager
def served(bucket: str) -> Iterator[dict[str, str]]:
    """An empty bucket, found as a host would say where it is: by the environment, which is given."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    named = settings(f"http://{host}:{port}")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in named.items():
            patch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket=bucket)
        get_filesystem_class("s3").clear_instance_cache()  # which would still ask an earlier server of this process
        yield named
    server.stop()

"""A real S3 server for tests: Ceph's monitor, one object store in memory, and its gateway, without systemd.

Everything listens on the loopback interface and lies in a folder of its own. About 550 MB of memory.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.required import need_programs

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool", "ceph")
KEY, SECRET = "PULSETESTKEY", "pulse-test-secret-0123456789"
_START_SECONDS = 60

_CONFIG = """
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon},v1:127.0.0.1:{mon_v1}]
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
auth_supported = none
# Without it the gateway hangs where there is no cephx.
ms_mon_client_mode = crc secure
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
mon_allow_pool_size_one = true
mon_pg_warn_min_per_osd = 0
mon_max_pg_per_osd = 1000
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = 4294967296
mon_data = {folder}/mon
mon_data_avail_crit = 1
mon_data_avail_warn = 2
osd_data = {folder}/osd
run_dir = {folder}
log_file = {folder}/$name.log
admin_socket = {folder}/$name.asok
pid_file =
debug_default = 0
rgw_frontends = beast endpoint=127.0.0.1:{gateway}
rgw_thread_pool_size = 32
rgw_lifecycle_work_time = "03:00-03:01"
"""


@dataclass
class S3Server:
    """A running gateway. ``environment`` is what a client needs to find and use it."""

    url: str
    folder: Path
    gateway: subprocess.Popen[bytes]
    others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Variables that every S3 client reads."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def bucket(self, *, locked: bool = False) -> str:
        """A new bucket; ``locked`` ones have versions and Object Lock."""
        name = f"pulse-{uuid.uuid4().hex[:12]}"
        client(self.url).create_bucket(Bucket=name, ObjectLockEnabledForBucket=locked)
        return name

    def restart_gateway(self) -> None:
        """Kill the gateway and start it again on the same port. What was stored is still there."""
        self.gateway.kill()
        self.gateway.wait()
        self.gateway = _gateway(self.folder)
        _wait_for(self.url, self.gateway)


def client(url: str) -> object:
    """A plain boto3 client, for what the tests themselves do to the server."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, request_checksum_calculation="when_required"),
    )


@contextlib.contextmanager
def running_s3() -> Iterator[S3Server]:
    """A server until the block ends. Skips the test where Ceph is not installed."""
    need_programs(*PROGRAMS, package="Ceph: apt-get install ceph-mon ceph-osd radosgw ceph-common")
    # A socket's path holds 107 characters at most, so pytest's own folders are too long.
    with tempfile.TemporaryDirectory(prefix="rgw") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        started: list[subprocess.Popen[bytes]] = []
        stack.callback(_stop, started)
        ports = _free_ports(3)
        fsid = str(uuid.uuid4())
        text = _CONFIG.format(fsid=fsid, folder=folder, mon=ports[0], mon_v1=ports[1], gateway=ports[2])
        (folder / "ceph.conf").write_text(text)
        started.append(_monitor(folder, fsid, ports))
        started.append(_object_store(folder))
        _make_user(folder)
        server = S3Server(f"http://127.0.0.1:{ports[2]}", folder, _gateway(folder))
        stack.callback(lambda: _stop([server.gateway]))
        _wait_for(server.url, server.gateway)
        yield server


def _monitor(folder: Path, fsid: str, ports: list[int]) -> subprocess.Popen[bytes]:
    (folder / "mon").mkdir()
    address = f"[v2:127.0.0.1:{ports[0]},v1:127.0.0.1:{ports[1]}]"
    _run(folder, "monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, str(folder / "monmap"))
    _run(folder, "ceph-mon", "--mkfs", "-i", "a", "--monmap", str(folder / "monmap"), conf=True)
    return _start(folder, "ceph-mon", "-i", "a")


def _object_store(folder: Path) -> subprocess.Popen[bytes]:
    (folder / "osd").mkdir()
    osd = str(uuid.uuid4())
    _run(folder, "ceph", "osd", "new", osd, conf=True)
    _run(folder, "ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd, conf=True)
    _run(folder, "ceph", "osd", "crush", "add", "osd.0", "1.0", "host=local", "root=default", conf=True)
    return _start(folder, "ceph-osd", "-i", "0")


def _make_user(folder: Path) -> None:
    arguments = ["user", "create", "--uid=pulse", "--display-name=pulse"]
    keys = [f"--access-key={KEY}", f"--secret={SECRET}"]
    _run(folder, "radosgw-admin", *arguments, *keys, conf=True)


def _gateway(folder: Path) -> subprocess.Popen[bytes]:
    return _start(folder, "radosgw", "-n", "client.rgw.a")


def _start(folder: Path, program: str, *arguments: str) -> subprocess.Popen[bytes]:
    log = (folder / f"{program}.out").open("ab")
    command = [program, "-f", *arguments, "-c", str(folder / "ceph.conf")]
    with log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


def _run(folder: Path, *command: str, conf: bool = False) -> None:
    more = ["-c", str(folder / "ceph.conf")] if conf else []
    done = subprocess.run(
        [*command, *more], capture_output=True, text=True, timeout=_START_SECONDS, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"radosgw ended with {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


def _stop(processes: list[subprocess.Popen[bytes]]) -> None:
    for process in reversed(processes):
        process.send_signal(signal.SIGKILL)
        process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()

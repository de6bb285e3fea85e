"""A second host, reached through a real sshd on loopback: there, a task runs as a module."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.cloudpeer.atlas.tests.emulator.server import RunningEmulator
from ansible_collections.cloudpeer.atlas.tests.support.environment import free_port
from ansible_collections.cloudpeer.atlas.tests.support.runner import PlaybookRunner, plain_interpreter

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:/usr/bin")
pytestmark = pytest.mark.skipif(
    SSHD is None or shutil.which("ssh") is None, reason="sshd or ssh is not installed (Debian: openssh-server)"
)


@pytest.fixture
def bastion(tmp_path: Path) -> Iterator[Path]:
    """Run an sshd with a port and keys of its own; give an inventory in which it is the host `bastion`."""
    folder = tmp_path / "sshd"
    folder.mkdir(mode=0o700)
    for name in ("host_key", "user_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    port = free_port()
    settings = folder / "sshd_config"
    settings.write_text(
        f"""
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
Subsystem sftp internal-sftp
"""
    )
    # Debian's sshd insists on this folder, which its service otherwise makes.
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (folder / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen([str(SSHD), "-D", "-e", "-f", str(settings)], stderr=log)
    try:
        deadline = time.monotonic() + 10
        while not listens(port):
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < deadline, "sshd does not listen"
            time.sleep(0.02)
        inventory = tmp_path / "inventory.ini"
        inventory.write_text(
            f"bastion ansible_host=127.0.0.1 ansible_port={port} ansible_user={getpass.getuser()} "
            f"ansible_ssh_private_key_file={folder}/user_key ansible_python_interpreter={plain_interpreter(tmp_path)} "
            f'ansible_ssh_common_args="-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ControlPath=none"\n'
        )
        yield inventory
    finally:
        process.terminate()
        process.wait(10)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.full
def test_a_task_delegated_to_a_bastion_has_the_same_result(
    bastion: Path, emulator: RunningEmulator, playbook: PlaybookRunner
) -> None:
    text = """
- hosts: localhost
  gather_facts: false
  vars:
    wanted: &wanted
      group_id: "{{ lookup('ansible.builtin.env', 'MONGODB_ATLAS_PROJECT_ID') }}"
      base_url: "{{ lookup('ansible.builtin.env', 'MONGODB_ATLAS_BASE_URL') }}"
      public_key: "{{ lookup('ansible.builtin.env', 'MONGODB_ATLAS_PUBLIC_API_KEY') }}"
      private_key: "{{ lookup('ansible.builtin.env', 'MONGODB_ATLAS_PRIVATE_API_KEY') }}"
      vpc_id: vpc-0a1b2c3d4e5f67890
      aws_account_id: "123456789012"
      route_table_cidr_block: 10.15.0.0/16
  tasks:
    - name: Through the bastion
      cloudpeer.atlas.atlas_vpc_peer:
        <<: *wanted
        wait: true
      delegate_to: bastion
    - name: From here
      cloudpeer.atlas.atlas_vpc_peer:
        <<: *wanted
        wait: true
"""
    run = playbook(text, emulator, "-vvv", way=None, ANSIBLE_INVENTORY=str(bastion))
    assert "runs as a module: the connection is ssh" in run.output
    assert run.output.count("runs in this process") == 1
    through_bastion, from_here = run.results
    assert through_bastion["changed"] is True
    assert from_here["changed"] is False
    assert through_bastion["vpc_peer"] == from_here["vpc_peer"]
    assert run.warnings == []
    delegation = "_ansible_delegated_vars"
    assert through_bastion.keys() - {delegation} == from_here.keys()

"""Addresses: what is taken, what is refused and why, and which hosts are public."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.upstreams.address import Scheme, is_public, parse_address, refuse_private
from registry.upstreams.errors import UpstreamAddressError


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://git.example.com/acme/steps.git", "https://git.example.com/acme/steps.git"),
        ("https://GIT.example.com:8443/steps", "https://git.example.com:8443/steps"),
        ("https://git.example.com:443/steps", "https://git.example.com/steps"),
        ("ssh://git@git.example.com:2222/steps", "ssh://git@git.example.com:2222/steps"),
        ("git@git.example.com:acme/steps.git", "ssh://git@git.example.com/acme/steps.git"),
        ("git.example.com:steps.git", "ssh://git.example.com/steps.git"),
        ("file:///srv/steps", "file:///srv/steps"),
        ("/srv/steps", "file:///srv/steps"),
        ("https://[2001:db8::1]/steps", "https://[2001:db8::1]/steps"),
    ],
)
def test_an_address_is_read(text: str, url: str) -> None:
    assert parse_address(text).url == url


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ext::sh -c touch% /tmp/x", "is not an address"),
        ("ext::sh", "start a program"),
        ("fd::17/foo", "start a program"),
        ("transport::https://git.example.com/x", "start a program"),
        ("git://git.example.com/x", "has the scheme 'git'"),
        ("ftp://git.example.com/x", "has the scheme 'ftp'"),
        ("https://user:secret@git.example.com/x", "name or password"),
        ("https://token@git.example.com/x", "name or password"),
        ("ssh://git:secret@git.example.com/x", "name or password"),
        ("ssh://-oProxyCommand=id/x", "no host"),
        ("ssh://-oProxyCommand@git.example.com/x", "no user"),
        ("-oProxyCommand=id:x", "no host"),
        ("git@git.example.com:-x", "no path"),
        ("https://git.example.com/--upload-pack=id", "no path"),
        ("https://git.example.com", "no path"),
        ("https://git.example.com//x", "no path"),
        ("https://git.example.com/x?y=1", "query"),
        ("https://git.example.com/x#y", "query or a fragment"),
        ("https://git.example.com:0/x", "no port"),
        ("https://git.example.com:99999/x", "is not an address"),
        ("https://exa mple.com/x", "is not an address"),
        ("https://example.com/\u202ex", "is not an address"),
        ("https://ex%2fample.com/x", "no host"),
        ("file://host/srv/steps", "names a host"),
        ("file:///srv/../etc", "not an absolute path"),
        ("srv/steps", "is not an address"),
        ("https://" + "a" * 600, "is not an address"),
        ("", "is not an address"),
    ],
)
def test_an_address_is_refused_that_git_would_misuse(text: str, why: str) -> None:
    with pytest.raises(UpstreamAddressError, match=why) as caught:
        parse_address(text)
    assert "secret" not in str(caught.value)


@given(st.text(max_size=80))
def test_whatever_is_read_is_read_the_same_again(text: str) -> None:
    try:
        found = parse_address(text)
    except UpstreamAddressError:
        return
    assert parse_address(found.url) == found
    assert not found.host.startswith("-")
    assert not found.path.startswith("-")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.9.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1",  # noqa: S104
        "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1",
        "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "fec0::1", "feff::1", "64:ff9b:1::7f00:1", "::127.0.0.1", "::8.8.8.8",
        "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8", "5f00::1",
    ],
)  # fmt: skip
def test_an_address_of_a_private_network_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "140.82.121.3", "2606:4700::1111", "::ffff:8.8.8.8"]
)
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_the_clothes_of_ipv6_is_judged_alike(ip: ipaddress.IPv4Address) -> None:
    assert is_public(f"::ffff:{ip}") == is_public(str(ip))
    nat64 = ipaddress.IPv6Address((0x64FF9B << 96) | int(ip))
    assert is_public(str(nat64)) == is_public(str(ip))


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    address = parse_address("https://git.example.com/x")
    refuse_private(address, ["8.8.8.8"])
    with pytest.raises(UpstreamAddressError, match=r"169\.254\.169\.254, in a private network"):
        refuse_private(address, ["8.8.8.8", "169.254.169.254"])


@pytest.mark.parametrize("text", ["http://8.8.8.8/x", "/srv/x"])
def test_what_is_near_or_open_must_be_allowed(text: str) -> None:
    address = parse_address(text)
    assert address.scheme in {Scheme.HTTP, Scheme.FILE}
    with pytest.raises(UpstreamAddressError, match=r"not encrypted|on this machine"):
        refuse_private(address, ["8.8.8.8"] if address.host else [])

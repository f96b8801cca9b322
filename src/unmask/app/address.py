"""Where the page is: the link to it, and the names that requests may call it by."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

__all__ = ["Address"]

HOST = re.compile(r"(?:\[(?P<ipv6>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class Address:
    """An address that is listened on.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        As it was asked for: an address, a name, or "" for all of this machine's addresses.
    bound : str, optional
        The socket's own address; by default `host`.
    port : int, default 8808
    token : str, default ""
        First part of every path, for whoever is not on this machine: without it nothing is
        answered. Empty where there is none.

    Examples
    --------
    >>> here, there = Address(), Address("0.0.0.0", token="secret")
    >>> here.is_loopback, here.url, there.is_loopback
    (True, 'http://127.0.0.1:8808/', False)
    >>> here.answers_to("localhost:8808"), here.answers_to("evil.example:8808")
    (True, False)
    """

    host: str = "127.0.0.1"
    bound: str = ""
    port: int = 8808
    token: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        own = _ip(self.bound or self.host)
        return self.host == "localhost" if own is None else own.is_loopback

    @property
    def is_any(self) -> bool:
        """Whether all addresses of this machine are listened on."""
        own = _ip(self.bound or self.host)
        return not self.host if own is None else own.is_unspecified

    @property
    def url(self) -> str:
        """The link to open, token and all."""
        host = _outward() if self.is_any else self.host
        path = f"{self.token}/" if self.token else ""
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/{path}"

    def answers_to(self, header: str) -> bool:
        """Whether a request's Host header names this address.

        A site that points its own name here (DNS rebinding) sends that name, so names are only
        those that were asked for or that this machine has, and an address is the one that is
        listened on.
        """
        match = HOST.fullmatch(header.lower())
        if match is None:
            return False
        name = match["ipv6"] or match["name"]
        ip, own = _ip(name), _ip(self.bound or self.host)
        if ip is None:
            return name in self._names()
        if self.is_any:
            return True
        return ip == own or (self.is_loopback and ip.is_loopback)

    def _names(self) -> set[str]:
        names = {self.host.lower()} - {""}
        if self.is_loopback or self.is_any:
            names.add("localhost")
        if self.is_any:
            own = socket.gethostname().lower()
            names |= {own, own.partition(".")[0], f"{own}.local"}
        return names


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _outward() -> str:
    """Return the address by which others most likely reach this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Sends nothing: the system only says from where it would. An address for documentation.
            probe.connect(("192.0.2.1", 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"

"""Which addresses are out in the open. What is not certainly public is refused: an address is on a list, or it is not.

IPv6 addresses that carry an IPv4 address (mapped, 6to4, NAT64) are judged by what they carry.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

__all__ = ["is_public"]

#: The only IPv6 space that is given out for global use, and the parts of it that are not.
GLOBAL_UNICAST = IPv6Network("2000::/3")
NOT_GLOBAL_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
NAT64 = IPv6Network("64:ff9b::/96")
#: By name and not only by `is_global`: what Python takes for global has changed between its versions.
NOT_GLOBAL_4 = tuple(map(IPv4Network, (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
)))  # fmt: skip


def is_public(text: str) -> bool:
    """Tell whether an address, as a resolver gives it, is public; False for what is no address."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    carried = _carried(address) if isinstance(address, IPv6Address) else address
    if isinstance(carried, IPv4Address):
        return _public_4(carried)
    return (
        isinstance(address, IPv6Address)
        and address in GLOBAL_UNICAST
        and address.is_global
        and not any(address in network for network in NOT_GLOBAL_6)
    )


def _carried(address: IPv6Address) -> IPv4Address | None:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    return IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None


def _public_4(address: IPv4Address) -> bool:
    return address.is_global and not any(address in network for network in NOT_GLOBAL_4)

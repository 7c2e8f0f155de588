"""What arrives at a MUX: the packets of well-behaved clients, and packets of others, each with its expected fate."""
import random
import struct
from typing import NamedTuple

from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption, IPOption_RR
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, LLC, STP, Dot1Q, Dot3, Ether
from scapy.packet import Raw

ROUTER_MAC = "02:00:00:00:56:fe"
VLAN = 56
FORWARD, PASS = "forward", "pass"
# Source addresses no client can have (RFC 1122 section 3.2.1.3); the last one is the VIP itself.
NOBODY = ((0, 0, 0, 0), (0, 1, 2, 3), (127, 0, 0, 1), (224, 0, 0, 1), (240, 0, 0, 1), (255,) * 4, (80,) * 4)


class Sent(NamedTuple):
    frame: bytes
    fate: str


def of_clients(fabric, count):
    """The IPv4 packets of `count` clients to each service of the fabric, shuffled but each flow in order.

    A client uses one address and port for all services, so that flows differ in what the client did not choose.
    """
    conversations = []
    for client in range(count):
        address, port = f"198.51.{client % 250}.{1 + client // 250}", random.randint(1024, 65535)
        for vip, protocol, vip_port in fabric.services:
            ip = IP(src=address, dst=vip, id=random.randrange(65536), ttl=random.randint(2, 255))
            ip.tos = random.randrange(256)
            if random.random() < 0.2:
                ip.options = random.choice([[IPOption_RR(length=7, pointer=4)], [IPOption(b"\x01\x01\x01\x00")]])
            conversations.append(tcp(ip, port, vip_port) if protocol == 6 else dns(ip, port, vip_port))
    while conversations:
        at = random.randrange(len(conversations))
        yield bytes(conversations[at].pop(0))
        if not conversations[at]:
            conversations[at] = conversations[-1]
            conversations.pop()


def tcp(ip, port, vip_port):
    """A connection seen from the client: opened, used, and closed by a FIN or a RST."""
    timestamp = ("Timestamp", (random.randrange(2**32), 0))
    options = [("MSS", 1460), ("SAckOK", b""), timestamp, ("NOP", None), ("WScale", 7)]
    payload = random.randbytes(random.choice([1, 2, 7, 100, 1201]))
    end = random.choice(["FA", "R", "RA"])
    segments = [("S", options, b""), ("A", [], b""), ("PA", [], payload), (end, [], b"")]
    return [
        ip / TCP(sport=port, dport=vip_port, flags=flags, options=list(options), seq=random.randrange(2**32)) / payload
        for flags, options, payload in segments
    ]


def dns(ip, port, vip_port):
    """A question, and the same without a checksum, which UDP over IPv4 may leave out (RFC 768)."""
    question = DNS(id=random.randrange(65536), qd=DNSQR(qname="x" * random.randint(1, 60) + ".example"))
    return [ip / UDP(sport=port, dport=vip_port, **own) / question for own in ({}, {"chksum": 0})]


def wrapped(packet, link, mux_mac, to_minimum=True):
    """The frame of a packet on a link; Ethernet pads to 60 bytes, and nobody says with what (RFC 894)."""
    if link == "raw":
        return packet
    untagged = Ether(src=ROUTER_MAC, dst=mux_mac, type=0x0800)
    tagged = Ether(src=ROUTER_MAC, dst=mux_mac, type=0x8100) / Dot1Q(vlan=VLAN, prio=3, type=0x0800)
    header = bytes(tagged if link == "vlan" else untagged)
    frame = header + packet
    return frame + b"\xa5" * (60 - len(frame)) if to_minimum else frame


def unrelated(link):
    """Frames that are not for a VIP; only IP packets fit a link without Ethernet."""
    source = "192.0.2.7"
    packets = [
        IP(src=source, dst="80.80.80.90") / TCP(dport=80),
        IP(src=source, dst="10.10.56.21") / TCP(dport=179),
        IP(src=source, dst="10.10.56.21") / ICMP(),
        IP(src=source, dst="224.0.0.5", proto=89) / Raw(b"OSPF"),
        IPv6(src="2001:db8::7", dst="2001:db8::80") / TCP(dport=80),
    ]
    if link == "raw":
        return [Sent(bytes(packet), PASS) for packet in packets]
    ether = Ether(src=ROUTER_MAC, dst="ff:ff:ff:ff:ff:ff")
    frames = [ether / packet for packet in packets]
    frames += [
        ether / ARP(psrc=source, pdst="80.80.80.80"),
        Dot3(src=ROUTER_MAC, dst="01:80:c2:00:00:00") / LLC() / STP(),
        ether / Dot1Q(vlan=1) / Dot1Q(vlan=2) / Dot1Q(vlan=3) / IP(src=source, dst="80.80.80.80") / TCP(dport=80),
        Ether(src=ROUTER_MAC, dst="01:80:c2:00:00:0e", type=0x88CC) / Raw(b"LLDP"),
    ]
    return [Sent(bytes(frame), PASS) for frame in frames]


def hostile(link, mux_mac):
    """Frames to a VIP that no honest sender makes, and a few odd ones that are sound."""
    sound = bytes(IP(src="203.0.113.9", dst="80.80.80.80") / TCP(sport=1234, dport=80))
    whole = wrapped(sound, link, mux_mac, to_minimum=False)
    cut = [Sent(whole[:length], fate_of_cut(link, length)) for length in range(len(whole))]
    lies = [
        Sent(wrapped(packet, link, mux_mac, to_minimum=False), fate)
        for packet, fate in ip_lies(link, sound) + segment_lies() + odd_but_sound()
    ]
    return cut + lies


def fate_of_cut(link, length):
    headers = {"ethernet": 14, "vlan": 18, "raw": 0}[link]
    if link == "raw" and length == 0:
        return PASS
    return "ethernet-truncated" if length < headers else "ipv4-truncated"


def ip_lies(link, sound):
    """Lies of the IPv4 header; `patched` makes its checksum right again, so that it is the lie that is noticed."""
    lies = [(patched(sound, 0, bytes([version << 4 | 5])), "ipv4-version") for version in (0, 3, 5, 15)]
    # Without Ethernet it is the version that says what a packet is: this is not even IP.
    lies = [(packet, PASS if link == "raw" else fate) for packet, fate in lies]
    lies += [(patched(sound, 0, bytes([0x40 | words])), "ipv4-header-length") for words in range(5)]
    lies += [(patched(sound, 0, bytes([0x40 | words])), "ipv4-truncated") for words in range(11, 16)]
    lies += [(patched(sound, 0, bytes([0x4A]), header_bytes=40), "tcp-truncated")]
    lies += [(patched(sound, 2, struct.pack("!H", total)), "ipv4-total-length") for total in range(20)]
    lies += [(patched(sound, 2, struct.pack("!H", total)), "tcp-truncated") for total in range(20, 40)]
    lies += [(patched(sound, 2, struct.pack("!H", total)), "ipv4-truncated") for total in (41, 60, 1500, 65535)]
    lies += [(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :], "ipv4-checksum") for at in (1, 5, 8, 10, 11, 12)]
    # Twenty bytes are no multiple of eight, and an offset of 65,528 leaves no room for them; the last one is sound.
    fragments = [(0x2000, "fragment"), (0x2001, "fragment"), (0x1FFF, "fragment"), (0x6000, "fragment"), (1, "hold")]
    lies += [(patched(sound, 6, struct.pack("!H", field)), fate) for field, fate in fragments]
    lies += [(patched(sound, 8, bytes([0])), "ttl")]
    lies += [(patched(sound, 12, bytes(source)), "source") for source in NOBODY]
    lies += [(patched(sound, 9, bytes([protocol])), "protocol") for protocol in (0, 2, 4, 41, 47, 50, 58, 132, 255)]
    lies += [(patched(sound, 9, bytes([1])), "icmp-checksum")]
    return lies


def segment_lies():
    """Lies of the TCP and UDP headers, and sound ones nobody listens to."""
    to_vip = IP(src="203.0.113.9", dst="80.80.80.80")
    lies = [(to_vip / TCP(dport=80, dataofs=words), "tcp-header-length") for words in (*range(5), *range(6, 16))]
    lies += [(to_vip / UDP(dport=53, len=length), "udp-length") for length in (*range(8), 9, 65535)]
    cut = IP(src="203.0.113.9", dst="80.80.80.80", proto=17)
    lies += [(cut / Raw(bytes(length)), "udp-truncated") for length in range(8)]
    lies += [(to_vip / segment, "no-rule") for segment in (TCP(dport=81), UDP(dport=80), TCP(dport=0))]
    return [(bytes(packet), fate) for packet, fate in lies]


def odd_but_sound():
    sources = ["1.0.0.0", "126.255.255.255", "128.0.0.1", "223.255.255.255", "80.80.80.81"]
    packets = [IP(src=source, dst="80.80.80.80") / TCP(sport=80, dport=80) for source in sources]
    to_vip = IP(src="203.0.113.7", dst="80.80.80.80")
    packets += [to_vip / TCP(sport=5, dport=80, flags=flags) for flags in (0, "SF", "SR", 255)]
    packets += [IP(src="203.0.113.7", dst="80.80.80.80", flags="evil") / TCP(sport=0, dport=80)]
    packets += [to_vip / UDP(dport=53, len=10, chksum=0) / Raw(b"12 and more")]
    packets += [of_length(9000)]
    return [(bytes(packet), FORWARD) for packet in packets]


def of_length(total, source="203.0.113.8", port=1234):
    """A data segment to the VIP whose IPv4 total length is `total`."""
    return IP(src=source, dst="80.80.80.80") / TCP(sport=port, dport=80, flags="A") / Raw(random.randbytes(total - 40))


def super_packets(mux_mac):
    """What segmentation offload leaves in a capture; 50 bytes of VXLAN must still fit IPv4's 65,535."""
    sizes = [(60_000, FORWARD), (65_485, FORWARD), (65_486, "oversize"), (65_535, "oversize")]
    return [Sent(wrapped(bytes(of_length(total)), "ethernet", mux_mac), fate) for total, fate in sizes]


def damaged(fabric, mux_mac):
    """Segments with a bit turned over on their way, which their checksum no longer fits."""
    packets = [packet for packet in of_clients(fabric, 20) if packet[9] == 6]
    broken = [packet[:-1] + bytes([packet[-1] ^ 1]) for packet in packets]
    return [Sent(wrapped(packet, "ethernet", mux_mac), FORWARD) for packet in broken]


def patched(packet, at, value, header_bytes=20):
    packet = packet[:at] + value + packet[at + len(value) :]
    blank = packet[:10] + b"\0\0" + packet[12:]
    return blank[:10] + struct.pack("!H", internet_checksum(blank[:header_bytes])) + blank[12:]


def internet_checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

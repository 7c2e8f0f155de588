"""Judges what leaves a MUX or a host: each frame as scapy decodes it, beside what policy and RFCs say it must be."""
import socket
import struct
from typing import NamedTuple

from scapy.layers.inet import IP, in4_chksum
from scapy.layers.l2 import Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.utils import checksum

import choice

EXAMPLES_MAX = 10
VXLAN_PORT = 4789


class Packet(NamedTuple):
    """A TCP or UDP packet, cut to its IPv4 total length."""

    raw: bytes
    source: str
    destination: str
    protocol: int
    source_port: int
    destination_port: int

    def flow(self):
        return self.source, self.destination, self.source_port, self.destination_port, self.protocol

    def flow_of_request(self):
        """The flow that this packet answers."""
        return self.destination, self.source, self.destination_port, self.source_port, self.protocol

    def endpoint(self):
        return self.destination, self.protocol, self.destination_port


def packet_of(data):
    """The packet at the beginning of `data`; what follows it is padding."""
    raw = data[: struct.unpack_from("!H", data, 2)[0]]
    ports = struct.unpack_from("!HH", raw, header_bytes(raw))
    return Packet(raw, socket.inet_ntoa(raw[12:16]), socket.inet_ntoa(raw[16:20]), raw[9], *ports)


def packet_in(frame, link):
    return packet_of(frame[{"ethernet": 14, "vlan": 18, "raw": 0}[link] :])


def header_bytes(raw):
    return (raw[0] & 15) * 4


class Report:
    """How many frames were judged, and by field the first few that were wrong."""

    def __init__(self, fields):
        self.frames = 0
        self.wrong = {field: [] for field in fields}

    def compare(self, got, expected):
        self.frames += 1
        for field, value in expected.items():
            if got.get(field) != value and len(self.wrong[field]) < EXAMPLES_MAX:
                self.wrong[field].append(f"frame {self.frames}: expected {value}, got {got.get(field)}")

    def json(self):
        return {"frames": self.frames, "wrong": self.wrong}


# What leaves a MUX.

MUX_FIELDS = [
    "time", "outerMacs", "vlan", "outerAddresses", "outerIp", "sourcePort", "udp", "vxlan", "innerMacs", "innerPacket",
    "checksums",
]


def backend_of(fabric, packet):
    service = fabric.services[packet.endpoint()]
    if not service.is_balanced:
        return service.backends[0]
    members = tuple((backend.key, backend.weight) for backend in service.backends)
    return service.backends[choice.choose(members, service.distribution, packet.flow())]


def expected_from_mux(fabric, mux, packet, time_ns, link, vlan):
    backend = backend_of(fabric, packet)
    host = fabric.hosts[backend.host]
    bare = link == "raw"
    return {
        "time": time_ns,
        "outerMacs": None if bare else [mux.mac, host.mac],
        "vlan": vlan,
        "outerAddresses": [mux.address, host.address],
        # RFC 6040: the outer header copies DSCP and ECN of the inner one. 50 bytes: IPv4, UDP, VXLAN, Ethernet.
        "outerIp": {"tos": packet.raw[1], "id": 0, "flags": "DF", "ttl": 64, "length": len(packet.raw) + 50},
        "sourcePort": choice.outer_source_port(packet.flow()),
        "udp": {"port": VXLAN_PORT, "checksum": 0, "length": len(packet.raw) + 30},
        "vxlan": {"flags": 8, "vni": backend.vni},
        "innerMacs": [mux.mac, backend.mac],
        "innerPacket": packet.raw.hex(),
        "checksums": [],
    }


def seen_from_mux(frame, time_ns, link):
    """A VXLAN frame as scapy decodes it."""
    decoded = IP(frame) if link == "raw" else Ether(frame)
    ip, vxlan = decoded.getlayer(IP), decoded.getlayer(VXLAN)
    if vxlan is None:
        return {"vxlan": None}
    tag = decoded.getlayer(Dot1Q)
    # The last of the frame, taken from its bytes: what scapy rebuilds it may also repair.
    inner = frame[len(frame) - len(vxlan.original) + 8 :]
    ip_at = len(frame) - len(ip.original)
    return {
        "time": time_ns,
        "outerMacs": None if link == "raw" else [decoded.src, decoded.dst],
        "vlan": tag and {"id": tag.vlan, "priority": tag.prio},
        "outerAddresses": [ip.src, ip.dst],
        "outerIp": {"tos": ip.tos, "id": ip.id, "flags": str(ip.flags), "ttl": ip.ttl, "length": ip.len},
        "sourcePort": ip.payload.sport,
        "udp": {"port": ip.payload.dport, "checksum": ip.payload.chksum, "length": ip.payload.len},
        "vxlan": {"flags": int(vxlan.flags), "vni": vxlan.vni},
        "innerMacs": [vxlan.payload.src, vxlan.payload.dst],
        "innerPacket": inner[14:].hex(),
        "checksums": bad_checksums(frame[ip_at:]) + bad_checksums(inner[14:]),
    }


def bad_checksums(data):
    """The checksums of an IPv4 packet that scapy computes differently; a UDP checksum of 0 is none."""
    raw = data[: struct.unpack_from("!H", data, 2)[0]]
    length = header_bytes(raw)
    bad = []
    if checksum(raw[:length]) != 0:
        bad.append("ip")
    if raw[9] == 6 and in4_chksum(6, IP(raw[:length]), raw[length:]) != 0:
        bad.append("tcp")
    if raw[9] == 17 and raw[length + 6 : length + 8] != b"\0\0":
        if in4_chksum(17, IP(raw[:length]), raw[length:]) != 0:
            bad.append("udp")
    return bad


# What leaves a host.

HOST_FIELDS = ["time", "macs", "from", "to", "packet"]


def expected_delivery(fabric, host, packet, time_ns):
    backend = backend_of(fabric, packet)
    port = fabric.services[packet.endpoint()].backend_port
    return {
        "time": time_ns,
        "macs": [host.mac, backend.mac],
        "from": [packet.source, packet.source_port],
        "to": [backend.dip, port],
        "packet": rewritten(packet, destination=(backend.dip, port)).hex(),
    }


def expected_reply(host, request, reply, gateway_mac, time_ns):
    return {
        "time": time_ns,
        "macs": [host.mac, gateway_mac],
        "from": [request.destination, request.destination_port],
        "to": [request.source, request.source_port],
        "packet": rewritten(reply, source=(request.destination, request.destination_port)).hex(),
    }


def seen_from_host(frame, time_ns):
    packet = packet_in(frame, "ethernet")
    ethernet = Ether(frame[:14])
    return {
        "time": time_ns,
        "macs": [ethernet.src, ethernet.dst],
        "from": [packet.source, packet.source_port],
        "to": [packet.destination, packet.destination_port],
        # The whole rest of the frame: padding would show.
        "packet": frame[14:].hex(),
    }


def rewritten(packet, source=None, destination=None):
    """A packet from or to somewhere else, its checksums computed from scratch; a missing one stays missing."""
    raw = bytearray(packet.raw)
    l4 = header_bytes(raw)
    for end, address_at, port_at in ((source, 12, l4), (destination, 16, l4 + 2)):
        if end:
            raw[address_at : address_at + 4] = socket.inet_aton(end[0])
            struct.pack_into("!H", raw, port_at, end[1])
    struct.pack_into("!H", raw, 10, 0)
    struct.pack_into("!H", raw, 10, checksum(bytes(raw[:l4])))
    at = l4 + {6: 16, 17: 6}[packet.protocol]
    if packet.protocol == 6 or raw[at : at + 2] != b"\0\0":
        struct.pack_into("!H", raw, at, 0)
        value = in4_chksum(packet.protocol, IP(bytes(raw[:l4])), bytes(raw[l4:]))
        # RFC 768: a computed 0 is sent as all ones.
        struct.pack_into("!H", raw, at, value or (0xFFFF if packet.protocol == 17 else 0))
    return bytes(raw)

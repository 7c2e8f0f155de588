"""What scapy would answer in the place of a MUX: echo replies, and ICMP messages about packets that are too big.

    messages.py SENT RECEIVED MTU4 MTU6

SENT and RECEIVED are captures of the same length: packets for a VIP that is asked or told nothing it may forward, and
what the MUX sent back for each. MTU4 and MTU6 are the MTU it must name to senders of either family. The last thing on
standard output is JSON: how many frames there are, and which differ from scapy's, both in hexadecimal.
"""
import json
import sys

from scapy.config import conf
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6PacketTooBig, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import pcap


def answer(frame, mtu4, mtu6):
    sent = Ether(frame)
    ethernet = Ether(src=sent.dst, dst=sent.src)
    if IPv6 in sent:
        return ethernet / answer_6(sent[IPv6], mtu6)
    return ethernet / answer_4(sent[IP], mtu4)


def answer_4(sent, mtu):
    if ICMP in sent and sent[ICMP].type == 8:
        reply = IP(src=sent.dst, dst=sent.src, ttl=64, tos=sent.tos, id=sent.id, flags=sent.flags)
        return reply / ICMP(type=0, id=sent[ICMP].id, seq=sent[ICMP].seq) / Raw(bytes(sent[ICMP].payload))
    error = IP(src=sent.dst, dst=sent.src, ttl=64, tos=0xC0, id=0, flags=0)
    return error / ICMP(type=3, code=4, nexthopmtu=mtu) / Raw(original(sent)[: 576 - 28])


def answer_6(sent, mtu):
    if ICMPv6EchoRequest in sent:
        asked = sent[ICMPv6EchoRequest]
        reply = IPv6(src=sent.dst, dst=sent.src, hlim=64, tc=sent.tc, fl=sent.fl)
        return reply / ICMPv6EchoReply(id=asked.id, seq=asked.seq, data=asked.data)
    error = IPv6(src=sent.dst, dst=sent.src, hlim=64, tc=0xC0)
    return error / ICMPv6PacketTooBig(mtu=mtu) / Raw(original(sent)[: 1280 - 48])


def original(packet):
    """The bytes as they were, not as scapy would build them."""
    return packet.original if packet.original else bytes(packet)


def main(sent, received, mtu4, mtu6):
    pairs = list(zip(pcap.read(sent)[1], pcap.read(received)[1], strict=True))
    wrong = []
    for asked, answered in pairs:
        expected = bytes(answer(asked.frame, int(mtu4), int(mtu6)))
        if answered.frame != expected:
            wrong.append({"got": answered.frame.hex(), "scapy": expected.hex()})
    return {"frames": len(pairs), "wrong": wrong}


if __name__ == "__main__":
    conf.verb = 0
    print(json.dumps(main(*sys.argv[1:])))

"""An independent opinion on edgemux: makes captures with scapy, and judges what edgemux makes of them.

    oracle.py papers
    oracle.py traffic       FABRIC MUX LINK CLIENTS OUT     link: ethernet, vlan (in nanoseconds) or raw
    oracle.py super-packets FABRIC MUX OUT
    oracle.py damaged       FABRIC MUX OUT
    oracle.py judge-mux     FABRIC MUX LINK SENT RECEIVED   SENT: of one of the above, RECEIVED: what the MUX made of it
    oracle.py answer        SENT DELIVERED OUT              SENT with the answers of the VMs in between
    oracle.py answer-after  SENT DELIVERED OUT SECONDS...   its first packet, answered so long after it came
    oracle.py judge-host    FABRIC HOST SENT RECEIVED       SENT: VXLAN and answers of VMs
    oracle.py judge-clients FABRIC SENT RECEIVED...         SENT: of `traffic`, RECEIVED: of all hosts
    oracle.py snap          CAPTURE OUT BYTES               as captured with a snap length
    oracle.py swap-vnis     CAPTURE OUT VNI VNI             one VXLAN network's frames in the other
    oracle.py bad-checksums CAPTURE

The last thing on standard output is JSON.
"""
import json
import random
import sys
from collections import Counter

from scapy.config import conf
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

import choice
import judge
import pcap
import traffic
from policy import Fabric

START_NS = 1_700_000_000 * 10**9
GAP_NS = 137_001


def write_traffic(fabric_path, mux_id, link, clients, out):
    """Clients' packets with strangers' frames scattered among them."""
    fabric = Fabric(fabric_path)
    mac = fabric.muxes[mux_id].mac
    packets = traffic.of_clients(fabric, int(clients))
    sent = [traffic.Sent(traffic.wrapped(packet, link, mac), traffic.FORWARD) for packet in packets]
    for stranger in traffic.hostile(link, mac) + traffic.unrelated(link):
        sent.insert(random.randrange(len(sent)), stranger)
    return write_sent(sent, link, out)


def write_super_packets(fabric_path, mux_id, out):
    return write_sent(traffic.super_packets(Fabric(fabric_path).muxes[mux_id].mac), "ethernet", out)


def write_damaged(fabric_path, mux_id, out):
    fabric = Fabric(fabric_path)
    return write_sent(traffic.damaged(fabric, fabric.muxes[mux_id].mac), "ethernet", out)


def write_sent(sent, link, out):
    """Writes the frames; `OUT.fates` says what is to become of each."""
    magic = pcap.NANOSECONDS if link == "vlan" else pcap.MICROSECONDS
    link_type = pcap.RAW if link == "raw" else pcap.ETHERNET
    pcap.write(out, link_type, [(START_NS + at * GAP_NS, frame) for at, (frame, _) in enumerate(sent)], magic)
    with open(f"{out}.fates", "w", encoding="utf-8") as file:
        json.dump([fate for _, fate in sent], file)
    return {"frames": len(sent), "fates": Counter(fate for _, fate in sent)}


def forwarded(path):
    """The records of a capture of `traffic` that a MUX must forward."""
    with open(f"{path}.fates", encoding="utf-8") as file:
        fates = json.load(file)
    _, records = pcap.read(path)
    return [record for record, fate in zip(records, fates, strict=True) if fate == traffic.FORWARD]


def judge_mux(fabric_path, mux_id, link, sent, received):
    fabric = Fabric(fabric_path)
    report = judge.Report(judge.MUX_FIELDS)
    vlan = {"id": traffic.VLAN, "priority": 3} if link == "vlan" else None
    backends = Counter()
    for before, after in zip(forwarded(sent), pcap.read(received)[1], strict=True):
        packet = judge.packet_in(before.frame, link)
        expected = judge.expected_from_mux(fabric, fabric.muxes[mux_id], packet, before.time_ns, link, vlan)
        report.compare(judge.seen_from_mux(after.frame, after.time_ns, link), expected)
        backends[judge.backend_of(fabric, packet).key] += 1
    return {**report.json(), "backends": backends}


def answer(sent, delivered, out):
    """Every packet a VM was given is answered at once: both directions of the host in one capture."""
    to_vm = {record.time_ns: record.frame for record in pcap.read(delivered)[1]}
    both = []
    for record in pcap.read(sent)[1]:
        both.append(record)
        if record.time_ns in to_vm:
            both.append((record.time_ns + 1000, answer_of(to_vm[record.time_ns])))
    pcap.write(out, pcap.ETHERNET, both)
    return {"frames": len(both), "answers": len(to_vm)}


def answer_after(sent, delivered, out, *seconds):
    arrived_ns, frame = pcap.read(delivered)[1][0]
    [first] = [record for record in pcap.read(sent)[1] if record.time_ns == arrived_ns]
    answers = [(arrived_ns + int(pause) * 10**9, answer_of(frame)) for pause in seconds]
    pcap.write(out, pcap.ETHERNET, [first, *answers])
    return {"answers": len(answers)}


def answer_of(frame):
    """What a VM says to a packet: its own MAC address, so that the client can tell who answered."""
    ethernet = Ether(frame)
    request = ethernet[IP]
    reply = Ether(src=ethernet.dst, dst=traffic.ROUTER_MAC)
    reply /= IP(src=request.dst, dst=request.src, ttl=128, tos=request.tos)
    if request.proto == 6:
        reply /= TCP(sport=request[TCP].dport, dport=request[TCP].sport, flags="PA", seq=request[TCP].ack)
    else:
        missing = {"chksum": 0} if request[UDP].chksum == 0 else {}
        reply /= UDP(sport=request[UDP].dport, dport=request[UDP].sport, **missing)
    reply = bytes(reply / Raw(ethernet.dst.encode()))
    return reply + b"\x5a" * (80 - len(reply))


def judge_host(fabric_path, host_id, sent, received):
    fabric = Fabric(fabric_path)
    host = fabric.hosts[host_id]
    reports = {"delivered": judge.Report(judge.HOST_FIELDS), "replied": judge.Report(judge.HOST_FIELDS)}
    for (kind, expected), after in zip(expected_from_host(fabric, host, sent), pcap.read(received)[1], strict=True):
        reports[kind].compare(judge.seen_from_host(after.frame, after.time_ns), expected)
    return {kind: report.json() for kind, report in reports.items()}


def expected_from_host(fabric, host, sent):
    """What must leave the host, in order. It remembers each client as its VM sees it, to turn the answer around."""
    requests = {}
    expected = []
    for time_ns, frame in pcap.read(sent)[1]:
        ethernet = Ether(frame[:14])
        if ethernet.src in fabric.backends:
            reply = judge.packet_in(frame, "ethernet")
            request = requests[ethernet.src, reply.flow()]
            expected.append(("replied", judge.expected_reply(host, request, reply, ethernet.dst, time_ns)))
        elif IP(frame[14:34]).dst == host.address:
            # Ethernet, IPv4, UDP, VXLAN, Ethernet.
            request = judge.packet_of(frame[14 + 20 + 8 + 8 + 14 :])
            backend, port = judge.backend_of(fabric, request), fabric.services[request.endpoint()].backend_port
            seen_by_vm = (backend.dip, request.source, port, request.source_port, request.protocol)
            requests[backend.mac, seen_by_vm] = request
            expected.append(("delivered", judge.expected_delivery(fabric, host, request, time_ns)))
    return expected


def judge_clients(fabric_path, sent, *received):
    """Every request has one answer, from the VIP and port it went to, by a VM that serves them."""
    fabric = Fabric(fabric_path)
    report = judge.Report(["server", "checksums"])
    awaited = Counter(judge.packet_in(record.frame, "ethernet").flow() for record in forwarded(sent))
    records = [record for path in received for record in pcap.read(path)[1]]
    for _, frame in records:
        if Ether(frame[:14]).dst != traffic.ROUTER_MAC:
            continue
        reply = judge.packet_in(frame, "ethernet")
        service = fabric.services.get((reply.source, reply.protocol, reply.source_port))
        vm = reply.raw[20 + {6: 20, 17: 8}[reply.protocol] :].decode()
        is_server = service is not None and vm in [backend.mac for backend in service.backends]
        report.compare(
            {"server": is_server, "checksums": judge.bad_checksums(reply.raw)},
            {"server": True, "checksums": []},
        )
        awaited.subtract([reply.flow_of_request()])
    return {
        **report.json(),
        "unanswered": sum(count for count in awaited.values() if count > 0),
        "unasked": -sum(count for count in awaited.values() if count < 0),
    }


def snap(path, out, length):
    link_type, records = pcap.read(path)
    pcap.write(out, link_type, records, snap_length=int(length))
    return {"frames": len(records)}


def swap_vnis(path, out, one, other):
    link_type, records = pcap.read(path)
    other_of = {int(one): int(other), int(other): int(one)}
    swapped = []
    for time_ns, frame in records:
        vxlan = Ether(frame)[VXLAN]
        # Ethernet, IPv4, UDP and the first half of VXLAN; the last of its bytes is reserved.
        header = frame[: 14 + 20 + 8 + 4] + other_of[vxlan.vni].to_bytes(3, "big") + b"\0"
        swapped.append((time_ns, header + frame[len(header) :]))
    pcap.write(out, link_type, swapped)
    return {"frames": len(swapped)}


def bad_checksums(path):
    """How many frames of a capture have a wrong checksum."""
    return {"frames": sum(judge.bad_checksums(record.frame[14:]) != [] for record in pcap.read(path)[1])}


COMMANDS = {
    "papers": choice.papers,
    "traffic": write_traffic,
    "super-packets": write_super_packets,
    "damaged": write_damaged,
    "judge-mux": judge_mux,
    "answer": answer,
    "answer-after": answer_after,
    "judge-host": judge_host,
    "judge-clients": judge_clients,
    "snap": snap,
    "swap-vnis": swap_vnis,
    "bad-checksums": bad_checksums,
}

if __name__ == "__main__":
    conf.verb = 0
    # Every run makes the same captures.
    random.seed(80)
    command, *arguments = sys.argv[1:]
    print(json.dumps(COMMANDS[command](*arguments)))

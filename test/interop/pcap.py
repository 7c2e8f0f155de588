"""Classic pcap files, read and written with struct: scapy's reader cuts what is longer than 65,535 bytes."""
import struct
from typing import NamedTuple

ETHERNET, RAW = 1, 101
MICROSECONDS, NANOSECONDS = 0xA1B2C3D4, 0xA1B23C4D


class Record(NamedTuple):
    time_ns: int
    frame: bytes


def write(path, link_type, records, magic=MICROSECONDS, snap_length=262144):
    """Writes a capture; frames longer than the snap length are cut, as tcpdump -s does."""
    tick_ns = 1 if magic == NANOSECONDS else 1000
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, snap_length, link_type))
        for time_ns, frame in records:
            seconds, rest_ns = divmod(time_ns, 10**9)
            kept = frame[:snap_length]
            file.write(struct.pack("<IIII", seconds, rest_ns // tick_ns, len(kept), len(frame)) + kept)


def read(path):
    """The link type and the records of a capture in the byte order of this machine's writer."""
    with open(path, "rb") as file:
        data = file.read()
    magic, _, _, _, _, _, link_type = struct.unpack_from("<IHHiIII", data)
    tick_ns = {MICROSECONDS: 1000, NANOSECONDS: 1}[magic]
    records = []
    at = 24
    while at < len(data):
        seconds, ticks, captured, _ = struct.unpack_from("<IIII", data, at)
        records.append(Record(seconds * 10**9 + ticks * tick_ns, data[at + 16 : at + 16 + captured]))
        at += 16 + captured
    return link_type, records

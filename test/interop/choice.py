"""Which backend a flow belongs to: SipHash (Aumasson, Bernstein) and Maglev (NSDI 2016, section 3.4)."""
import functools
import hashlib
import socket
import struct

# FLOW_HASH_KEY_DEFAULT of sdk/program/compile.ts.
KEY = b"edgemux flow has"
SLOTS = 65537
MASK = 2**64 - 1


def rotated(word, bits):
    return (word << bits | word >> (64 - bits)) & MASK


def sip_hash(key, message, compression_rounds, finalization_rounds):
    k0, k1 = struct.unpack("<QQ", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573]

    def rounds(count):
        v0, v1, v2, v3 = v
        for _ in range(count):
            v0 = (v0 + v1) & MASK
            v2 = (v2 + v3) & MASK
            v1 = rotated(v1, 13) ^ v0
            v3 = rotated(v3, 16) ^ v2
            v0 = rotated(v0, 32)
            v2 = (v2 + v1) & MASK
            v0 = (v0 + v3) & MASK
            v1 = rotated(v1, 17) ^ v2
            v3 = rotated(v3, 21) ^ v0
            v2 = rotated(v2, 32)
        v[:] = v0, v1, v2, v3

    padded = message + bytes(7 - len(message) % 8) + bytes([len(message) % 256])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(compression_rounds)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(finalization_rounds)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def flow_hash(source, destination, source_port, destination_port, protocol):
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    return sip_hash(KEY, addresses + struct.pack("!HHB", source_port, destination_port, protocol), 1, 3)


def permutation(key, slots):
    digest = hashlib.sha256(key.encode()).digest()
    offset, skip = struct.unpack_from("<II", digest)
    return offset % slots, skip % (slots - 1) + 1


def maglev(permutations, weights, slots):
    """The member of every slot: members fill their next free slot in turn, as often as their weight allows."""
    table = [None] * slots
    next_at = [offset for offset, _ in permutations]
    turns = [0] * len(permutations)
    taken = 0
    while True:
        for member, (_, skip) in enumerate(permutations):
            turns[member] += weights[member]
            if turns[member] < max(weights):
                continue
            turns[member] -= max(weights)
            while table[next_at[member]] is not None:
                next_at[member] = (next_at[member] + skip) % slots
            table[next_at[member]] = member
            taken += 1
            if taken == slots:
                return table


@functools.lru_cache(maxsize=None)
def ring_of(members):
    """The Maglev table of (key, weight) pairs."""
    return maglev([permutation(key, SLOTS) for key, _ in members], [weight for _, weight in members], SLOTS)


@functools.lru_cache(maxsize=None)
def choose(members, distribution, flow):
    """Index of the member that a flow (source, destination, ports, protocol) belongs to, by the ring."""
    source, destination, source_port, destination_port, protocol = flow
    hashed = {
        "Default": (source_port, destination_port, protocol),
        "SourceIPProtocol": (0, 0, protocol),
        "SourceIP": (0, 0, 0),
    }[distribution]
    high = flow_hash(source, destination, *hashed) >> 32
    return ring_of(members)[high * SLOTS >> 32]


def outer_source_port(flow):
    """RFC 7348: 49152..65535, from the low half of the hash of the 5-tuple."""
    return 49152 + ((flow_hash(*flow) & 0xFFFFFFFF) >> 18)


def papers():
    """What the papers print: the last vector of SipHash-2-4, and table 1 of Maglev before and after B1 is gone."""
    permutations = [(3, 4), (0, 2), (3, 1)]
    return {
        "sipHash24": f"{sip_hash(bytes(range(16)), bytes(range(15)), 2, 4):016x}",
        "maglev": maglev(permutations, [1, 1, 1], 7),
        "maglevWithoutB1": maglev([permutations[0], permutations[2]], [1, 1], 7),
    }

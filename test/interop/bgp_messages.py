"""Random BGP messages and BFD packets written by scapy, with what a reader must find in them.

    bgp_messages.py SEED COUNT

The last thing on standard output is JSON: {"messages": [...], "packets": [...]}, COUNT of each. A message is {"bytes":
hexadecimal, "agreement": {"fourOctetAs", "isExternal"}, "value": what edgemux calls a Message, prefixes as text and data
in hexadecimal}, a packet {"bytes", "value": a ControlPacket}. What scapy knows no class for is packed here.
"""
import ipaddress
import json
import random
import struct
import sys

from scapy.config import conf
from scapy.contrib import bgp
from scapy.contrib.bfd import BFD
from scapy.packet import Raw

FAMILIES = {"ipv4": 1, "ipv6": 2}
ORIGINS = ["igp", "egp", "incomplete"]
SUBTYPES = ["request", "begin", "end"]
STATES = ["AdminDown", "Down", "Init", "Up"]
NAMED = {
    0xFFFF0000: "graceful-shutdown",
    0xFFFF029A: "blackhole",
    0xFFFFFF01: "no-export",
    0xFFFFFF02: "no-advertise",
    0xFFFFFF03: "no-export-subconfed",
}
AS_TRANS = 23456
EXTENDED_LENGTH = 0x10


def coin(rng):
    return rng.random() < 0.5


def message(kind, body):
    return bytes(bgp.BGPHeader(type=kind) / body) if body is not None else bytes(bgp.BGPKeepAlive())


def open_message(rng):
    """Capabilities in any order, several in a parameter or one in each, among them some that nobody knows."""
    four = rng.randint(1, rng.choice([65535, 2**32 - 1])) if coin(rng) else None
    my_as = rng.randint(1, 65535) if four is None else four if four <= 65535 else AS_TRANS
    families = rng.choice([["ipv4"], ["ipv6"], ["ipv4", "ipv6"], ["ipv6", "ipv4"]])
    refresh, enhanced, extended = coin(rng), coin(rng), coin(rng)
    offered = [bgp.BGPCapMultiprotocol(afi=FAMILIES[family], safi=1) for family in families]
    others = [bgp.BGPCapMultiprotocol(afi=25, safi=70)] if coin(rng) else []
    if refresh:
        others.append(bgp.BGPCapGeneric(code=2))
    if enhanced:
        others.append(bgp.BGPCapGeneric(code=70))
    if extended:
        others.append(bgp.BGPCapGeneric(code=5, cap_data=struct.pack("!HHHHHH", 1, 1, 2, 1, 128, 2)))
    if four is not None:
        others.append(bgp.BGPCapFourBytesASN(asn=four))
    for _ in range(rng.randint(0, 2)):
        others.append(bgp.BGPCapGeneric(code=rng.randint(128, 255), cap_data=rng.randbytes(rng.randint(0, 20))))
    restart = None
    if coin(rng):
        kept = [(family, coin(rng)) for family in rng.sample(list(FAMILIES), rng.randint(0, 2))]
        restart = {
            "isRestarting": coin(rng),
            "restartTimeSeconds": rng.randint(0, 4095),
            "families": [{"family": family, "isForwardingPreserved": is_kept} for family, is_kept in kept],
        }
        tuples = [
            bgp.BGPCapGracefulRestart.GRTuple(afi=FAMILIES[family], safi=1, flags=0x80 if is_kept else 0)
            for family, is_kept in kept
        ]
        flags = (8 if restart["isRestarting"] else 0) | rng.randint(0, 7)
        seconds = restart["restartTimeSeconds"]
        others.append(bgp.BGPCapGracefulRestart(restart_flags=flags, restart_time=seconds, entries=tuples))
    rng.shuffle(others)
    place = rng.randint(0, len(others))
    hold_time = rng.choice([0, 3, rng.randint(3, 65535)])
    identifier = str(ipaddress.IPv4Address(rng.randint(1, 2**32 - 1)))
    parameters = [bgp.BGPOptParam(param_value=each) for each in others[:place] + offered + others[place:]]
    body = bgp.BGPOpen(my_as=my_as, hold_time=hold_time, bgp_id=identifier, opt_params=parameters)
    capabilities = {
        "families": families,
        "extendedNextHop": ["ipv4"] if extended else [],
        "routeRefresh": refresh,
        "enhancedRouteRefresh": enhanced,
        "fourOctetAs": four is not None,
    }
    if restart is not None:
        capabilities["gracefulRestart"] = restart
    return message(1, body), {
        "kind": "open",
        "as": my_as if four is None else four,
        "holdTimeSeconds": hold_time,
        "routerId": identifier,
        "capabilities": capabilities,
    }


def update_message(rng, four_octet, external):
    """Withdrawals and routes of both families in one message, attributes in any order and with either kind of length."""
    withdrawn = {"ipv4": [], "ipv6": []}
    announced = {"ipv4": [], "ipv6": []}
    for prefixes in (withdrawn, announced):
        for family in FAMILIES:
            if coin(rng):
                prefixes[family] = [prefix(rng, family) for _ in range(rng.randint(1, 20))]
    attributes = []
    value = {"kind": "update", "announced": [], "faults": []}
    next_hops = {}
    if announced["ipv4"]:
        next_hops["ipv4"] = str(ipaddress.IPv4Address(rng.randint(0x01000000, 0x7EFFFFFF)))
        attributes.append((3, bgp.BGPPANextHop(next_hop=next_hops["ipv4"])))
    if announced["ipv6"]:
        next_hops["ipv6"] = address(rng, 0x2001)
        nlri = [bgp.BGPNLRI_IPv6(prefix=each) for each in announced["ipv6"]]
        both = {"nh_v6_global": next_hops["ipv6"], "nh_v6_link_local": address(rng, 0xFE80)}
        hop = {"nh_addr_len": 32, **both} if coin(rng) else {"nh_addr_len": 16, "nh_v6_addr": next_hops["ipv6"]}
        attributes.append((14, bgp.BGPPAMPReachNLRI(afi=2, safi=1, nlri=nlri, **hop)))
    if withdrawn["ipv6"]:
        routes = [bgp.BGPNLRI_IPv6(prefix=each) for each in withdrawn["ipv6"]]
        gone = bgp.BGPPAMPUnreachNLRI_IPv6(withdrawn_routes=routes)
        attributes.append((15, bgp.BGPPAMPUnreachNLRI(afi=2, safi=1, afi_safi_specific=gone)))
    if next_hops:
        more, path = path_attributes(rng, four_octet, external)
        attributes += more
        value["announced"] = [
            {"family": family, "nextHop": hop, "prefixes": clean(announced[family]), "attributes": path}
            for family, hop in next_hops.items()
        ]
    value["withdrawn"] = clean(withdrawn["ipv4"]) + clean(withdrawn["ipv6"])
    rng.shuffle(attributes)
    body = bgp.BGPUpdate(
        withdrawn_routes=[bgp.BGPNLRI_IPv4(prefix=each) for each in withdrawn["ipv4"]],
        path_attr=[attribute(rng, code, content) for code, content in attributes],
        nlri=[bgp.BGPNLRI_IPv4(prefix=each) for each in announced["ipv4"]],
    )
    if not value["withdrawn"] and not next_hops:
        value["endOfRib"] = "ipv4"
    return message(2, body), value


def path_attributes(rng, four_octet, external):
    """The attributes of routes as (type code, value), and the path they say."""
    origin = rng.randint(0, 2)
    attributes = [(1, bgp.BGPPAOrigin(origin=origin))]
    as_max = rng.choice([[65535], [65535, 65535, 2**32 - 1]])
    segments = [
        (rng.choice([1, 2, 2]), [rng.randint(1, rng.choice(as_max)) for _ in range(rng.randint(1, 12))])
        for _ in range(rng.randint(0, 3))
    ]
    path = {"origin": ORIGINS[origin], "asPath": sum((each for _, each in segments), [])}
    if four_octet:
        attributes.append((2, as_path(bgp.BGPPAAS4BytesPath, segments)))
    else:
        attributes += two_octet_path(rng, segments)
    if not external:
        path["localPref"] = rng.randint(0, 2**32 - 1)
        attributes.append((5, bgp.BGPPALocalPref(local_pref=path["localPref"])))
        attributes.append((9, bgp.BGPPAOriginatorID(originator_id="10.0.0.9")))
        attributes.append((10, bgp.BGPPAClusterList(cluster_list=[1, 2, 3])))
    if coin(rng):
        path["med"] = rng.randint(0, 2**32 - 1)
        attributes.append((4, bgp.BGPPAMultiExitDisc(med=path["med"])))
    if coin(rng):
        attributes.append((6, bgp.BGPPAAtomicAggregate()))
    numbers = [rng.choice([*NAMED, rng.randint(0, 0xFFFEFFFF)]) for _ in range(rng.choice([0, 1, 5, 80]))]
    if numbers:
        attributes.append((8, Raw(struct.pack(f"!{len(numbers)}I", *numbers))))
    path["communities"] = [NAMED.get(each) or f"{each >> 16}:{each & 0xFFFF}" for each in numbers]
    large = [[rng.randint(0, 2**32 - 1) for _ in range(3)] for _ in range(rng.choice([0, 1, 30]))]
    if large:
        attributes.append((32, Raw(b"".join(struct.pack("!III", *each) for each in large))))
    path["largeCommunities"] = [":".join(map(str, each)) for each in large]
    return attributes, path


def two_octet_path(rng, segments):
    """AS_PATH with AS_TRANS, and AS4_PATH where a number needs it: without the first hops, which an old speaker added."""
    trans = [(kind, [each if each <= 65535 else AS_TRANS for each in path]) for kind, path in segments]
    attributes = [(2, as_path(bgp.BGPPAASPath, trans))]
    if any(each > 65535 for _, path in segments for each in path):
        attributes.append((17, as_path(bgp.BGPPAAS4BytesPath, rng.choice(list(tails(segments))))))
    return attributes


def tails(segments):
    """What may be left of a path for AS4_PATH: before it is no number that needs it, and a set is not cut."""
    for at, (kind, path) in enumerate(segments):
        yield segments[at:]
        for cut in range(1, len(path)) if kind == 2 else []:
            if max(path[:cut]) > 65535:
                return
            yield [(kind, path[cut:]), *segments[at + 1 :]]
        if max(path) > 65535:
            return


def as_path(kind, segments):
    return kind(segments=[kind.ASPathSegment(segment_type=each, segment_value=path) for each, path in segments])


def attribute(rng, code, content):
    flags = {**bgp.attributes_flags, 32: 0xC0}[code]
    is_long = len(content) > 255 or rng.random() < 0.2
    return bgp.BGPPathAttr(type_flags=flags | (EXTENDED_LENGTH if is_long else 0), type_code=code, attribute=content)


def prefix(rng, family):
    """Of any length, and with any bits behind it: a reader has to clear those."""
    bits, kind = (32, ipaddress.IPv4Address) if family == "ipv4" else (128, ipaddress.IPv6Address)
    return f"{kind(rng.getrandbits(bits))}/{rng.choice([bits, rng.randint(0, bits)])}"


def clean(prefixes):
    return [str(ipaddress.ip_network(each, strict=False)) for each in prefixes]


def address(rng, first):
    return str(ipaddress.IPv6Address((first << 112) | rng.getrandbits(64)))


def notification_message(rng):
    code, subcode = rng.randint(0, 255), rng.randint(0, 255)
    data = rng.randbytes(rng.choice([0, 1, rng.randint(0, 100), 4075]))
    body = bgp.BGPNotification(error_code=code, error_subcode=subcode, data=data)
    return message(3, body), {"kind": "notification", "code": code, "subcode": subcode, "data": data.hex()}


def refresh_message(rng):
    family, subtype = rng.choice(list(FAMILIES)), rng.randint(0, 2)
    body = bgp.BGPRouteRefresh(afi=FAMILIES[family], subtype=subtype, safi=1)
    return message(5, body), {"kind": "route-refresh", "family": family, "subtype": SUBTYPES[subtype]}


def random_message(rng):
    agreement = {"fourOctetAs": coin(rng), "isExternal": coin(rng)}
    writers = [
        lambda: open_message(rng),
        lambda: notification_message(rng),
        lambda: refresh_message(rng),
        lambda: (message(4, None), {"kind": "keepalive"}),
        *[lambda: update_message(rng, agreement["fourOctetAs"], agreement["isExternal"])] * 6,
    ]
    written, value = rng.choice(writers)()
    return {"bytes": written.hex(), "agreement": agreement, "value": value}


def random_packet(rng):
    state, diagnostic = rng.randint(0, 3), rng.randint(0, 31)
    poll, final, independent, demand = (coin(rng) for _ in range(4))
    flags = "".join(letter for letter, is_set in zip("PFCD", (poll, final, independent, demand)) if is_set)
    mine, yours = rng.randint(1, 2**32 - 1), rng.randint(1, 2**32 - 1)
    multiplier = rng.randint(1, 255)
    tx, rx, echo = (rng.randint(0, 2**32 - 1) for _ in range(3))
    packet = BFD(
        **{"diag": diagnostic, "sta": state, "flags": flags, "detect_mult": multiplier},
        **{"my_discriminator": mine, "your_discriminator": yours},
        **{"min_tx_interval": tx, "min_rx_interval": rx, "echo_rx_interval": echo},
    )
    return {
        "bytes": bytes(packet).hex(),
        "value": {
            **{"diagnostic": diagnostic, "state": STATES[state], "detectMultiplier": multiplier},
            **{"isPoll": poll, "isFinal": final, "isControlPlaneIndependent": independent, "isDemand": demand},
            **{"myDiscriminator": mine, "yourDiscriminator": yours},
            **{"desiredMinTxUs": tx, "requiredMinRxUs": rx, "requiredMinEchoRxUs": echo},
        },
    }


def main(seed, count):
    rng = random.Random(int(seed))
    return {
        "messages": [random_message(rng) for _ in range(int(count))],
        "packets": [random_packet(rng) for _ in range(int(count))],
    }


if __name__ == "__main__":
    conf.verb = 0
    print(json.dumps(main(*sys.argv[1:])))

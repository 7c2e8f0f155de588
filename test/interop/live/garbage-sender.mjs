/**
 * Sends garbage as fast as it goes: `garbage-sender.mjs INTERFACE SECONDS SEED vnet|plain JSON`, where the JSON says what the
 * garbage is to look like: { macAddress, vips, providerAddresses, vmAddresses, vmMacAddress, vni, mtuBytes }. Says at the end how many frames left.
 */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const koffi = createRequire(import.meta.url)('koffi');
const [, , link, seconds, seed, front, json] = process.argv;
const target = JSON.parse(json);
const HAS_VIRTIO_HEADER = front === 'vnet';

const FRAME_COUNT = 256;
const MESSAGE_BYTES = 64;

let word = Math.imul(Number(seed), 2_654_435_761) | 1;

/** xorshift: the same garbage each time. */
function random(limit) {
  word ^= word << 13;
  word ^= word >>> 17;
  word ^= word << 5;
  return (word >>> 0) % limit;
}

const oneOf = (...values) => values[random(values.length)];
const bytes = (count) => Buffer.from(Array.from({ length: count }, () => random(256)));
const address4 = (text) => Buffer.from(text.split('.').map(Number));
const word16 = (value) => Buffer.from([(value >> 8) & 255, value & 255]);
const mac = (text) => Buffer.from(text.split(':').map((two) => Number.parseInt(two, 16)));

const VIPS = target.vips.map(address4);
const PROVIDER_ADDRESSES = target.providerAddresses.map(address4);
const VM_ADDRESSES = target.vmAddresses.map(address4);
const ANY = [...VIPS, ...PROVIDER_ADDRESSES, ...VM_ADDRESSES];

function ipv4({ source = bytes(4), destination = oneOf(...ANY), protocol = random(256), fragment = 0, payload }) {
  const header = Buffer.concat([
    Buffer.from([0x45, random(256)]),
    word16(20 + payload.length),
    bytes(2),
    word16(fragment),
    Buffer.from([1 + random(255), protocol, 0, 0]),
    source,
    destination,
  ]);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += header.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  header.writeUInt16BE(~sum & 0xffff, 10);
  return Buffer.concat([header, payload]);
}

const room = () => Math.min(random(target.mtuBytes - 120), oneOf(0, 8, 60, 400, 2000));
const udp = (port, payload) => Buffer.concat([bytes(2), word16(port), word16(8 + payload.length), word16(0), payload]);
const tcp = () =>
  Buffer.concat([
    bytes(2),
    word16(oneOf(80, random(65_536))),
    bytes(8),
    Buffer.from([oneOf(0x50, random(256)), random(256)]),
    bytes(6),
    bytes(random(40)),
  ]);
const vxlan = (vni, inner) =>
  Buffer.concat([
    Buffer.from([oneOf(8, random(256)), 0, 0, 0, (vni >> 16) & 255, (vni >> 8) & 255, vni & 255, 0]),
    inner,
  ]);

/** Bytes of a packet changed, or cut off, or both. */
function damaged(packet) {
  const copy = Buffer.from(packet);
  for (let count = 1 + random(4); count > 0; count--)
    copy[random(Math.min(copy.length, oneOf(24, 60, copy.length)))] = random(256);
  return random(3) === 0 ? copy.subarray(0, 1 + random(copy.length)) : copy;
}

const ethernet = (type, payload) => Buffer.concat([mac(target.macAddress), bytes(6), word16(type), payload]);
const inner = () =>
  Buffer.concat([
    oneOf(mac(target.vmMacAddress), bytes(6)),
    bytes(6),
    word16(oneOf(0x800, 0x86dd, random(65_536))),
    oneOf(
      () => bytes(room()),
      () => damaged(ipv4({ payload: tcp() })),
    )(),
  ]);
const fragmentOf = (destination) =>
  ipv4({ destination, protocol: oneOf(6, 17, 1), fragment: random(0x4000), payload: bytes(8 + room()) });
const icmp = (destination) =>
  ipv4({
    destination,
    protocol: 1,
    payload: Buffer.concat([
      Buffer.from([oneOf(0, 3, 4, 5, 8, 11, 12, random(256)), random(256)]),
      bytes(6),
      damaged(ipv4({ source: destination, payload: tcp() })),
    ]),
  });
const ipv6 = () =>
  Buffer.concat([
    Buffer.from([0x60 + random(16)]),
    bytes(3),
    word16(random(1500)),
    Buffer.from([oneOf(0, 6, 17, 43, 44, 58, 60), random(256)]),
    bytes(32),
    bytes(room()),
  ]);

/** What is sent to a machine, by kind. */
const KINDS = [
  () => bytes(14 + room()),
  () => ethernet(oneOf(0x800, 0x86dd, 0x8100, 0x88a8, random(65_536)), bytes(room())),
  () => ethernet(0x800, damaged(ipv4({ destination: oneOf(...VIPS), protocol: oneOf(1, 6, 17), payload: tcp() }))),
  () => ethernet(0x800, ipv4({ destination: oneOf(...VIPS), protocol: 6, payload: tcp() })),
  () =>
    ethernet(
      0x800,
      ipv4({
        destination: oneOf(...PROVIDER_ADDRESSES),
        protocol: 17,
        payload: udp(4789, vxlan(oneOf(target.vni, random(1 << 24)), inner())),
      }),
    ),
  () =>
    ethernet(
      0x800,
      damaged(
        ipv4({
          destination: oneOf(...PROVIDER_ADDRESSES),
          protocol: 17,
          payload: udp(4789, vxlan(target.vni, inner())),
        }),
      ),
    ),
  () =>
    ethernet(
      0x800,
      ipv4({
        destination: oneOf(...PROVIDER_ADDRESSES),
        protocol: oneOf(47, 17),
        payload: oneOf(bytes(8 + room()), udp(8571, bytes(room()))),
      }),
    ),
  () => ethernet(0x800, fragmentOf(oneOf(...ANY))),
  () => ethernet(0x800, icmp(oneOf(...ANY))),
  () =>
    ethernet(
      oneOf(0x8100, 0x88a8),
      Buffer.concat([bytes(2), word16(oneOf(0x800, 0x8100)), damaged(ipv4({ payload: tcp() }))]),
    ),
  () =>
    ethernet(
      0x800,
      ipv4({ source: oneOf(...VIPS), destination: oneOf(...ANY, bytes(4)), protocol: oneOf(6, 17), payload: tcp() }),
    ),
  () =>
    ethernet(
      0x800,
      ipv4({ source: oneOf(...VM_ADDRESSES), destination: bytes(4), protocol: oneOf(1, 6, 17), payload: tcp() }),
    ),
  () => ethernet(0x86dd, ipv6()),
];

/** A header nobody should write: most are refused by the kernel, some are not. */
function virtioHeader() {
  const gso = oneOf(0, 1, 4, 5, 0x81, random(256));
  return Buffer.concat([
    Buffer.from([oneOf(0, 1, 2), gso]),
    Buffer.from(
      new Uint16Array([
        random(200),
        oneOf(0, 1, 8, 536, 1400, random(65_536)),
        oneOf(14, 34, random(200)),
        oneOf(16, 6, random(64)),
      ]).buffer,
    ),
  ]);
}

const large = () =>
  ethernet(
    0x800,
    ipv4({
      source: oneOf(...VM_ADDRESSES),
      destination: bytes(4),
      protocol: 6,
      payload: Buffer.concat([tcp().subarray(0, 20), bytes(random(9000))]),
    }),
  );

function garbage() {
  if (!HAS_VIRTIO_HEADER) return oneOf(...KINDS)().subarray(0, target.mtuBytes + 14);
  return Buffer.concat([virtioHeader(), oneOf(...KINDS, large, large, large)()]);
}

const libc = koffi.load(null);
const socket = libc.func('int socket(int, int, int)')(17, 3, 0);
const setsockopt = libc.func('int setsockopt(int, int, int, const void *, uint32_t)');
const sendmmsg = libc.func('int sendmmsg(int, void *, unsigned int, int)');
if (HAS_VIRTIO_HEADER) setsockopt(socket, 263, 15, new Uint8Array(new Int32Array([1]).buffer), 4);
const name = Buffer.alloc(20);
name.writeUInt16LE(17, 0);
name.writeInt32LE(Number(readFileSync(`/sys/class/net/${link}/ifindex`, 'latin1')), 4);
if (libc.func('int bind(int, const void *, uint32_t)')(socket, name, 20) < 0)
  throw new Error(`${link} cannot be bound`);

const pool = Buffer.alloc(FRAME_COUNT * 10_500);
const vectors = Buffer.alloc(FRAME_COUNT * 16);
const messages = Buffer.alloc(FRAME_COUNT * MESSAGE_BYTES);
const base = koffi.address(pool);
let sent = 0;
let refused = 0;
const endMs = performance.now() + Number(seconds) * 1000;
while (performance.now() < endMs) {
  let at = 0;
  for (let index = 0; index < FRAME_COUNT; index++) {
    const frame = garbage();
    frame.copy(pool, at);
    vectors.writeBigUInt64LE(base + BigInt(at), index * 16);
    vectors.writeBigUInt64LE(BigInt(frame.length), index * 16 + 8);
    messages.writeBigUInt64LE(koffi.address(vectors) + BigInt(index * 16), index * MESSAGE_BYTES + 16);
    messages.writeBigUInt64LE(1n, index * MESSAGE_BYTES + 24);
    at += frame.length;
  }
  // Making garbage takes longer than sending it: each lot leaves several times.
  for (let round = 0; round < 40; round++) {
    for (let first = 0; first < FRAME_COUNT; ) {
      const count = sendmmsg(socket, messages.subarray(first * MESSAGE_BYTES), FRAME_COUNT - first, 0);
      sent += Math.max(0, count);
      first += Math.max(0, count);
      if (count <= 0) {
        first += 1;
        refused += 1;
      }
    }
  }
}
console.log(JSON.stringify({ sent, refused }));

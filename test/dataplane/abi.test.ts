/** The boundary, field by field: what one side writes at an offset of abi.ts, the other side reads there. */

import muxModule from 'edgemux/mux-module';
import { describe, expect, it } from 'vitest';
import * as abi from '../../assembly/abi.js';
import { Batch } from '../../sdk/dataplane/batch.js';
import { writeConfig } from '../../sdk/dataplane/config.js';
import { readCounters } from '../../sdk/dataplane/counters.js';
import { DataPlane } from '../../sdk/dataplane/instance.js';
import { address6Net, addressNet, macNet, portNet } from '../../sdk/dataplane/network-order.js';
import type { Capacities } from '../../sdk/dataplane/plan.js';
import { DROP_REASONS } from '../../sdk/dataplane/reasons.js';
import { BackendTable } from '../../sdk/mux/backend-table.js';
import { RingTable } from '../../sdk/mux/ring-table.js';
import { ServiceTable } from '../../sdk/mux/service-table.js';
import type { MuxProgram } from '../../sdk/program/types.js';
import { flowHash } from '../model/flow-hash.js';
import { ipv4Bytes, ipv4Text, ipv6Bytes, macText, toHex } from '../support/bytes.js';
import { ACK, eth, FIN, ipv4, SYN } from '../support/packet.js';
import {
  GATEWAY_MAC,
  HOST_A,
  hostProgram,
  MUX,
  MUX_MAC,
  muxProgram,
  VIP,
  VNI,
  WEB_A,
  WEB_A_MAC,
} from '../support/programs.js';

const CLIENT = '192.0.2.7';
const CLIENT6 = '2001:db8:c::7';
const VIP6 = '2001:db8::80';
const TICK = 700;
const NOW_MS = TICK * 1024;
const ROOM = { flowCountMax: 4, batchFrameCountMax: 4 };

/** `muxProgram` with one member in its ring, so that every packet's backend is known. */
const program: MuxProgram = {
  ...muxProgram,
  rings: muxProgram.rings.map((ring) => ({ ...ring, members: ring.members.slice(1, 2) })),
};

/** A MUX put together by hand, with its memory in the open. */
async function openMux(policy: MuxProgram = program): Promise<{ dataPlane: DataPlane; batch: Batch }> {
  const dataPlane = await DataPlane.load(muxModule, 'mux', ROOM);
  writeConfig(dataPlane, policy.attachment, policy.flowHashKey, policy.encapsulation);
  const backends = new BackendTable(dataPlane);
  backends.apply(policy);
  const rings = new RingTable(dataPlane);
  const { keys } = rings.apply(policy, backends);
  new ServiceTable(dataPlane).apply(policy, backends, rings, keys);
  return { dataPlane, batch: new Batch(dataPlane) };
}

/** The only record of a table whose bytes at `offset` are not zero. */
function onlyRecord({
  dataPlane,
  region,
  bytes,
  offset,
}: {
  dataPlane: DataPlane;
  region: number;
  bytes: number;
  offset: number;
}): DataView {
  const { base, count } = dataPlane.region(region);
  const taken = Array.from({ length: count }, (_, index) => base + index * bytes).filter(
    (at) => dataPlane.bytes[at + offset] !== 0,
  );
  expect(taken).toHaveLength(1);
  return new DataView(dataPlane.bytes.buffer, taken[0], bytes);
}

function onlyTranslation(dataPlane: DataPlane): DataView {
  const place = { region: abi.REGION_TRANSLATIONS, bytes: abi.TRANSLATION_BYTES, offset: abi.TRANSLATION_KIND };
  return onlyRecord({ dataPlane, ...place });
}

/** Every entry of the endpoint table: family, address word as it lies in memory, protocol, port, service. */
function endpointsOf({ view, bytes, plan }: DataPlane): string[] {
  const { base, count } = plan.regions[abi.REGION_ENDPOINTS];
  return Array.from({ length: count }, (_, index) => base + index * abi.ENDPOINT_BYTES)
    .filter((at) => bytes[at + abi.ENDPOINT_FAMILY] !== 0)
    .map((at) =>
      [
        bytes[at + abi.ENDPOINT_FAMILY],
        toHex(bytes.subarray(at + abi.ENDPOINT_ADDRESS, at + abi.ENDPOINT_ADDRESS + 4)),
        bytes[at + abi.ENDPOINT_PROTOCOL],
        view.getUint16(at + abi.ENDPOINT_PORT),
        view.getUint32(at + abi.ENDPOINT_SERVICE, true),
      ].join(' '),
    );
}

/** A UDP datagram to port 53: its first 16 bytes, and others at an offset of 4 × 8. */
function datagram() {
  const tuple = { source: CLIENT, destination: VIP, sourcePort: 40000, destinationPort: 53, protocol: 17 };
  const part = (fragmentOffset: number) =>
    ipv4(CLIENT, VIP, { protocol: 17, id: 0x1234, df: false, mf: true, fragmentOffset }).payload(
      Uint8Array.of(0x9c, 0x40, 0, 53, 0, 200, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8),
    );
  return { hash: flowHash(program.flowHashKey, tuple, 'Default'), fragments: [part(0), part(4)] as const };
}

function bytesOf(record: DataView, offset: number, length: number): Uint8Array {
  return new Uint8Array(record.buffer, record.byteOffset + offset, length);
}

describe('boundary: tables the module writes', () => {
  it('endpoint', async () => {
    const dataPlane = await DataPlane.load(muxModule, 'mux', ROOM);
    dataPlane.exports.endpointInsert(addressNet(VIP), 4, 6, portNet(443), 0x01020304);
    const record = onlyRecord({
      dataPlane,
      region: abi.REGION_ENDPOINTS,
      bytes: abi.ENDPOINT_BYTES,
      offset: abi.ENDPOINT_FAMILY,
    });
    expect(ipv4Text(bytesOf(record, abi.ENDPOINT_ADDRESS, 4), 0)).toBe(VIP);
    expect(record.getUint16(abi.ENDPOINT_PORT)).toBe(443);
    expect(record.getUint8(abi.ENDPOINT_PROTOCOL)).toBe(6);
    expect(record.getUint8(abi.ENDPOINT_FAMILY)).toBe(4);
    expect(record.getUint32(abi.ENDPOINT_SERVICE, true)).toBe(0x01020304);
  });

  it('address', async () => {
    const dataPlane = await DataPlane.load(muxModule, 'mux', ROOM);
    dataPlane.exports.addressInsert(...address6Net(VIP6), 0x01020304);
    const record = onlyRecord({
      dataPlane,
      region: abi.REGION_ADDRESSES,
      bytes: abi.ADDRESS_BYTES,
      offset: abi.ADDRESS_WORD,
    });
    expect(bytesOf(record, abi.ADDRESS_IP, 16)).toEqual(ipv6Bytes(VIP6));
    expect(record.getUint32(abi.ADDRESS_WORD, true)).toBe(0x01020304);
  });

  it('SNAT block', async () => {
    const dataPlane = await DataPlane.load(muxModule, 'mux', ROOM);
    dataPlane.exports.snatBlockInsert(addressNet(VIP), 4, 0x1fff, 0x01020304);
    const record = onlyRecord({
      dataPlane,
      region: abi.REGION_SNAT_BLOCKS,
      bytes: abi.SNAT_BLOCK_BYTES,
      offset: abi.SNAT_BLOCK_FAMILY,
    });
    expect(ipv4Text(bytesOf(record, abi.SNAT_BLOCK_ADDRESS, 4), 0)).toBe(VIP);
    expect(record.getUint16(abi.SNAT_BLOCK_NUMBER, true)).toBe(0x1fff);
    expect(record.getUint8(abi.SNAT_BLOCK_FAMILY)).toBe(4);
    expect(record.getUint32(abi.SNAT_BLOCK_BACKEND, true)).toBe(0x01020304);
  });

  it('NIC', async () => {
    const dataPlane = await DataPlane.load(muxModule, 'host', ROOM);
    const { low, high } = macNet(WEB_A_MAC);
    dataPlane.exports.nicInsert(low, high, 0xfedcba, 0x01020304);
    const record = onlyRecord({ dataPlane, region: abi.REGION_NICS, bytes: abi.NIC_BYTES, offset: abi.NIC_STATE });
    expect(macText(bytesOf(record, abi.NIC_MAC, 6), 0)).toBe(WEB_A_MAC);
    expect(record.getUint16(abi.NIC_STATE, true)).toBe(1);
    expect(record.getUint32(abi.NIC_VNI, true)).toBe(0xfedcba);
    expect(record.getUint32(abi.NIC_INDEX, true)).toBe(0x01020304);
  });

  it('translation', async () => {
    const dataPlane = await DataPlane.load(muxModule, 'host', ROOM);
    const flags = abi.TRANSLATION_FLAG_TCP_RESET | abi.TRANSLATION_FLAG_INSTANCE;
    dataPlane.exports.translationInsert(
      513,
      addressNet(VIP),
      portNet(443),
      17,
      4,
      addressNet(WEB_A),
      portNet(8443),
      0x010203,
      flags,
    );
    const record = onlyTranslation(dataPlane);
    expect(ipv4Text(bytesOf(record, abi.TRANSLATION_VIP, 4), 0)).toBe(VIP);
    expect(record.getUint16(abi.TRANSLATION_PORT)).toBe(443);
    expect(record.getUint8(abi.TRANSLATION_PROTOCOL)).toBe(17);
    expect(record.getUint8(abi.TRANSLATION_KIND)).toBe(4 | abi.TRANSLATION_KIND_TRANSLATION);
    expect(ipv4Text(bytesOf(record, abi.TRANSLATION_DIP, 4), 0)).toBe(WEB_A);
    expect(record.getUint16(abi.TRANSLATION_BACKEND_PORT)).toBe(8443);
    expect(record.getUint8(abi.TRANSLATION_FLAGS)).toBe(flags);
    expect(record.getUint32(abi.TRANSLATION_NIC, true)).toBe(513);
    expect(record.getUint32(abi.TRANSLATION_IDLE_TICKS, true)).toBe(0x010203);
  });

  it('local address', async () => {
    const dataPlane = await DataPlane.load(muxModule, 'host', ROOM);
    dataPlane.exports.localAddressRules(513, addressNet(WEB_A), 4, 0x010203, 0x040506);
    dataPlane.exports.localAddressInstance(513, addressNet(WEB_A), 4, addressNet(VIP));
    const record = onlyTranslation(dataPlane);
    expect(ipv4Text(bytesOf(record, abi.TRANSLATION_VIP, 4), 0)).toBe(WEB_A);
    expect(record.getUint8(abi.TRANSLATION_KIND)).toBe(4 | abi.TRANSLATION_KIND_LOCAL);
    expect(ipv4Text(bytesOf(record, abi.TRANSLATION_DIP, 4), 0)).toBe(VIP);
    expect(record.getUint8(abi.TRANSLATION_FLAGS)).toBe(abi.TRANSLATION_FLAG_INSTANCE);
    expect(record.getUint32(abi.TRANSLATION_NIC, true)).toBe(513);
    expect(record.getUint32(abi.TRANSLATION_RULE_FIRST, true)).toBe(0x010203);
    expect(record.getUint32(abi.TRANSLATION_RULE_COUNT, true)).toBe(0x040506);
  });

  it('flow', async () => {
    const { dataPlane, batch } = await openMux();
    dataPlane.bytes[dataPlane.region(abi.REGION_BACKENDS).base + abi.BACKEND_BYTES + abi.BACKEND_GENERATION] = 7;
    for (const flags of [SYN, FIN]) batch.add(ipv4(CLIENT, VIP).tcp(40000, 443, flags).bytes(), 'bare');
    batch.add(ipv4('192.0.2.8', VIP).udp(40001, 53).bytes(), 'bare');
    dataPlane.exports.muxProcess(batch.count, NOW_MS);
    const { base, count } = dataPlane.region(abi.REGION_FLOWS);
    const flows = Array.from({ length: count * abi.FLOW_WAYS }, (_, index) => {
      const bucket = base + Math.floor(index / abi.FLOW_WAYS) * abi.FLOW_BUCKET_BYTES;
      const way = (index % abi.FLOW_WAYS) * 8;
      const value = dataPlane.view.getBigUint64(bucket + abi.FLOW_VALUES + way, true);
      return { key: toHex(dataPlane.bytes.slice(bucket + way, bucket + way + 8)), value };
    }).filter(({ value }) => value !== 0n);
    const flowValue = (service: number, flowClass: number, state: number) =>
      BigInt(service) |
      (1n << BigInt(abi.FLOW_BACKEND_SHIFT)) |
      (7n << BigInt(abi.FLOW_GENERATION_SHIFT)) |
      (BigInt(flowClass) << BigInt(abi.FLOW_CLASS_SHIFT)) |
      (BigInt(state) << BigInt(abi.FLOW_STATE_SHIFT)) |
      (BigInt(TICK) << BigInt(abi.FLOW_TICKS_SHIFT));
    expect(new Map(flows.map(({ key, value }) => [key, value]))).toEqual(
      new Map([
        ['c00002079c4001bb', flowValue(0, abi.FLOW_CLASS_TCP, abi.FLOW_CLOSING)],
        ['c00002089c410035', flowValue(1, abi.FLOW_CLASS_UDP, abi.FLOW_SEEN_ONCE)],
      ]),
    );
  });

  it('datagram, its pin and its covered ranges', async () => {
    const { dataPlane, batch } = await openMux();
    const { hash, fragments } = datagram();
    for (const fragment of fragments.slice(0, 2)) batch.add(fragment.bytes(), 'bare');
    dataPlane.exports.muxProcess(batch.count, NOW_MS);
    const { base, count } = dataPlane.region(abi.REGION_FRAGMENTS);
    const records = Array.from({ length: count * abi.DATAGRAM_WAYS }, (_, index) => base + index * abi.DATAGRAM_BYTES);
    const taken = records.filter((at) => dataPlane.bytes[at + abi.DATAGRAM_FAMILY] !== 0);
    expect(taken).toHaveLength(1);
    const record = new DataView(dataPlane.bytes.buffer, taken[0], abi.DATAGRAM_BYTES);
    expect(ipv4Text(bytesOf(record, abi.DATAGRAM_SOURCE, 4), 0)).toBe(CLIENT);
    expect(toHex(bytesOf(record, abi.DATAGRAM_SOURCE + 4, 12))).toBe('00'.repeat(12));
    expect(ipv4Text(bytesOf(record, abi.DATAGRAM_DESTINATION, 4), 0)).toBe(VIP);
    expect(record.getUint16(abi.DATAGRAM_ID)).toBe(0x1234);
    expect(record.getUint16(abi.DATAGRAM_NIC)).toBe(0);
    expect(record.getUint8(abi.DATAGRAM_PROTOCOL)).toBe(17);
    expect(record.getUint8(abi.DATAGRAM_FAMILY)).toBe(4);
    expect(record.getBigUint64(abi.DATAGRAM_HASH, true)).not.toBe(0n);
    expect(record.getUint32(abi.DATAGRAM_TICKS, true)).toBe(TICK);
    expect(record.getUint8(abi.DATAGRAM_IS_POISONED)).toBe(0);
    expect(record.getUint8(abi.DATAGRAM_RANGE_COUNT)).toBe(2);
    const ranges = [0, 2, 4, 6].map((at) => record.getUint16(abi.DATAGRAM_RANGES + at, true));
    expect(ranges).toEqual([0, 2, 4, 6]);
    const pin = new DataView(record.buffer, record.byteOffset + abi.DATAGRAM_VALUE, abi.PIN_BYTES);
    expect(pin.getBigUint64(abi.PIN_HASH, true)).toBe(hash);
    expect(pin.getUint32(abi.PIN_SERVICE, true)).toBe(1);
    expect(pin.getUint32(abi.PIN_BACKEND, true)).toBe(1);
    const backends = dataPlane.region(abi.REGION_BACKENDS).base;
    const generation = dataPlane.bytes[backends + abi.BACKEND_BYTES + abi.BACKEND_GENERATION];
    expect(pin.getUint8(abi.PIN_GENERATION)).toBe(generation);
  });

  it('kept fragment, and the order of them', async () => {
    const { dataPlane, batch } = await openMux();
    const [, later] = datagram().fragments;
    batch.add(later.bytes(), 'bare');
    dataPlane.exports.muxProcess(batch.count, NOW_MS);
    const record = onlyRecord({
      dataPlane,
      region: abi.REGION_HELD,
      bytes: abi.HELD_BYTES,
      offset: abi.HELD_LENGTH,
    });
    expect(ipv4Text(bytesOf(record, abi.HELD_KEY + abi.DATAGRAM_SOURCE, 4), 0)).toBe(CLIENT);
    expect(record.getUint32(abi.HELD_LENGTH, true)).toBe(36);
    expect(record.getUint32(abi.HELD_TICKS, true)).toBe(TICK);
    expect(record.getUint8(abi.HELD_LINK)).toBe(abi.LINK_BARE);
    expect(toHex(bytesOf(record, abi.HELD_FRAME, 36))).toBe(toHex(later.bytes()));
    const state = new DataView(dataPlane.bytes.buffer, abi.FIXED_STATE, abi.FIXED_END - abi.FIXED_STATE);
    expect(state.getUint32(abi.STATE_HELD_COUNT, true)).toBe(1);
    expect(state.getUint8(abi.STATE_HELD_ORDER)).toBe(0);
    expect(state.getUint32(abi.STATE_NOW_MS, true)).toBe(NOW_MS);
    expect(toHex(bytesOf(state, abi.STATE_DATAGRAM_KEY, abi.DATAGRAM_KEY_BYTES))).toBe(
      toHex(bytesOf(record, abi.HELD_KEY, abi.DATAGRAM_KEY_BYTES)),
    );
  });

  it('quote', async () => {
    const { dataPlane, batch } = await openMux();
    const quoted = ipv4(VIP, CLIENT).tcp(443, 40000, ACK).bytes();
    batch.add(ipv4('198.51.100.1', VIP).icmp(3, 1).payload(quoted).bytes(), 'bare');
    dataPlane.exports.muxExplain(0, NOW_MS);
    const quote = new DataView(dataPlane.bytes.buffer, abi.FIXED_STATE + abi.STATE_QUOTE, abi.QUOTE_BYTES);
    const start = dataPlane.region(abi.REGION_SLOTS).base + abi.HEADROOM_BYTES + 28;
    expect(quote.getUint32(abi.QUOTE_IP, true)).toBe(start);
    expect(quote.getUint32(abi.QUOTE_L4, true)).toBe(start + 20);
    expect(quote.getUint32(abi.QUOTE_END, true)).toBe(start + 40);
    expect(quote.getUint16(abi.QUOTE_SOURCE_PORT)).toBe(443);
    expect(quote.getUint16(abi.QUOTE_DESTINATION_PORT)).toBe(40000);
    expect(quote.getUint8(abi.QUOTE_FAMILY)).toBe(4);
    expect(quote.getUint8(abi.QUOTE_PROTOCOL)).toBe(6);
    expect(quote.getUint8(abi.QUOTE_IS_LATER)).toBe(0);
    const reversed = bytesOf(quote, abi.STATE_REVERSED_IP - abi.STATE_QUOTE, 20);
    expect([ipv4Text(reversed, 12), ipv4Text(reversed, 16)]).toEqual([CLIENT, VIP]);
  });

  it('NAT flow', async () => {
    const dataPlane = await DataPlane.load(muxModule, 'host', ROOM);
    writeConfig(dataPlane, hostProgram.attachment, hostProgram.flowHashKey);
    const { low, high } = macNet(WEB_A_MAC);
    const vip = addressNet(VIP);
    const reset = abi.TRANSLATION_FLAG_TCP_RESET;
    dataPlane.exports.nicInsert(low, high, VNI, 513);
    dataPlane.exports.translationInsert(513, vip, 0, 0, 4 | abi.TRANSLATION_KIND_VIP, 0, 0, 0, 0);
    dataPlane.exports.translationInsert(513, vip, portNet(443), 6, 4, addressNet(WEB_A), portNet(8443), 235, reset);
    const batch = new Batch(dataPlane);
    const segment = eth()
      .ipv4(MUX, HOST_A)
      .udp(50000, 4789)
      .vxlan(VNI)
      .eth({ dst: WEB_A_MAC })
      .ipv4(CLIENT, VIP)
      .tcp(40000, 443, ACK, { ack: 0x01020304 });
    batch.add(segment.bytes());
    dataPlane.exports.hostProcess(1, NOW_MS);
    const { base, count } = dataPlane.region(abi.REGION_NAT_FLOWS);
    const at = Array.from({ length: count * abi.NAT_FLOW_WAYS }, (_, index) => base + index * abi.NAT_FLOW_BYTES).find(
      (flow) => dataPlane.bytes[flow + abi.NAT_FLOW_KIND] !== 0,
    ) as number;
    const record = new DataView(dataPlane.bytes.buffer, at, abi.NAT_FLOW_BYTES);
    expect(ipv4Text(bytesOf(record, abi.NAT_FLOW_REMOTE_ADDRESS, 4), 0)).toBe(CLIENT);
    expect(toHex(bytesOf(record, abi.NAT_FLOW_REMOTE_ADDRESS + 4, 12))).toBe('0'.repeat(24));
    expect(record.getUint16(abi.NAT_FLOW_REMOTE_PORT)).toBe(40000);
    expect(record.getUint16(abi.NAT_FLOW_LOCAL_PORT)).toBe(8443);
    expect(ipv4Text(bytesOf(record, abi.NAT_FLOW_LOCAL_ADDRESS, 4), 0)).toBe(WEB_A);
    expect(record.getUint16(abi.NAT_FLOW_NIC, true)).toBe(513);
    expect(record.getUint8(abi.NAT_FLOW_PROTOCOL)).toBe(6);
    expect(record.getUint8(abi.NAT_FLOW_KIND)).toBe(4 | abi.NAT_FLOW_KIND_VM);
    expect(ipv4Text(bytesOf(record, abi.NAT_FLOW_VIP, 4), 0)).toBe(VIP);
    expect(record.getUint16(abi.NAT_FLOW_VIP_PORT)).toBe(443);
    expect(record.getUint8(abi.NAT_FLOW_STATE)).toBe(abi.NAT_FLOW_NEW);
    expect(record.getUint8(abi.NAT_FLOW_FLAGS)).toBe(abi.NAT_FLOW_FLAG_TCP_RESET);
    expect(record.getUint16(abi.NAT_FLOW_IDLE_TICKS, true)).toBe(235);
    expect(record.getUint32(abi.NAT_FLOW_TICKS, true)).toBe(TICK);
    expect(record.getUint32(abi.NAT_FLOW_REMOTE_ACK)).toBe(0x01020304);
    expect(record.getUint32(abi.NAT_FLOW_TWIN, true)).toBe(0);
    batch.clear();
    const answer = eth({ src: WEB_A_MAC }).ipv4(WEB_A, CLIENT).tcp(8443, 40000, ACK, { ack: 0x05060708 });
    batch.add(answer.bytes(), 'ethernet', 'vm');
    dataPlane.exports.hostProcess(1, NOW_MS);
    expect(record.getUint8(abi.NAT_FLOW_STATE)).toBe(abi.NAT_FLOW_REPLIED);
    expect(record.getUint32(abi.NAT_FLOW_LOCAL_ACK)).toBe(0x05060708);
  });
});

describe('boundary: what the SDK writes', () => {
  it('configuration', async () => {
    const { dataPlane } = await openMux();
    writeConfig(dataPlane, { ...program.attachment, vlanId: 0x123 }, program.flowHashKey);
    const config = new DataView(dataPlane.bytes.buffer, abi.FIXED_CONFIG, 128);
    expect(toHex(bytesOf(config, abi.CONFIG_HASH_KEY_0, 16))).toBe(program.flowHashKey);
    expect(ipv4Text(bytesOf(config, abi.CONFIG_PROVIDER_ADDRESS, 4), 0)).toBe(MUX);
    expect(config.getUint16(abi.CONFIG_VLAN_TCI)).toBe(0x123);
    expect(config.getUint8(abi.CONFIG_GATEWAY_KNOWN)).toBe(1);
    expect(macText(bytesOf(config, abi.CONFIG_LOCAL_MAC, 6), 0)).toBe(MUX_MAC);
    expect(macText(bytesOf(config, abi.CONFIG_GATEWAY_MAC, 6), 0)).toBe(GATEWAY_MAC);
    expect(config.getUint32(abi.CONFIG_FRAME_BYTES_MAX, true)).toBe(9216);
    writeConfig(dataPlane, { ...program.attachment, gatewayMacAddress: undefined }, program.flowHashKey);
    expect(config.getUint8(abi.CONFIG_GATEWAY_KNOWN)).toBe(0);
  });

  it('configuration: encapsulation, MTU and provider addresses of both families', async () => {
    const { dataPlane } = await openMux();
    const config = new DataView(dataPlane.bytes.buffer, abi.FIXED_CONFIG, 128);
    const read = () => ({
      encapsulation: config.getUint8(abi.CONFIG_ENCAPSULATION),
      mtuBytes: config.getUint32(abi.CONFIG_MTU_BYTES, true),
      family: config.getUint8(abi.CONFIG_PROVIDER_FAMILY),
      hasSecond: config.getUint8(abi.CONFIG_SECOND_PROVIDER_KNOWN),
      address: ipv4Text(bytesOf(config, abi.CONFIG_PROVIDER_ADDRESS, 4), 0),
      address6: toHex(bytesOf(config, abi.CONFIG_PROVIDER_ADDRESS_6, 16)),
    });
    const { attachment, flowHashKey } = program;
    const zeros = '00'.repeat(16);
    expect(read()).toEqual({
      ...{ encapsulation: abi.ENCAPSULATION_VXLAN, mtuBytes: 0 },
      ...{ family: 4, hasSecond: 0, address: MUX, address6: zeros },
    });
    const second = { ...attachment, secondProviderAddress: 'fd00::11', mtuBytes: 0x010203 };
    writeConfig(dataPlane, second, flowHashKey, 'nvgre');
    expect(read()).toEqual({
      ...{ encapsulation: abi.ENCAPSULATION_NVGRE, mtuBytes: 0x010203 },
      ...{ family: 4, hasSecond: 1, address: MUX, address6: toHex(ipv6Bytes('fd00::11')) },
    });
    writeConfig(dataPlane, { ...attachment, providerAddress: 'fd00::12' }, flowHashKey);
    expect(read()).toEqual({
      ...{ encapsulation: abi.ENCAPSULATION_VXLAN, mtuBytes: 0 },
      ...{ family: 6, hasSecond: 0, address: '0.0.0.0', address6: toHex(ipv6Bytes('fd00::12')) },
    });
  });

  it('VIPs: what the endpoint table has of them, and the kinds of backends', async () => {
    const { dataPlane } = await openMux();
    const endpoints = endpointsOf(dataPlane);
    expect(endpoints).toContain(`4 ${toHex(ipv4Bytes(VIP))} 255 0 ${abi.NO_INDEX}`);
    expect(endpoints).toContain(`4 ${toHex(ipv4Bytes(VIP))} 6 443 0`);
    const attachment = { ...program.attachment, secondProviderAddress: 'fd00::11' };
    const hosts = [HOST_A, 'fd00::21', HOST_A].map((hostProviderAddress, index) => ({
      ...program.backends[index],
      hostProviderAddress,
    }));
    const instance = { ...program.services[3], key: 'any', vip: VIP6, isInstanceAddress: true } as const;
    const both = { ...program, attachment, vips: [VIP, VIP6], services: [instance], backends: hosts };
    for (const [encapsulation, kinds] of [
      ['vxlan', [abi.KIND_VXLAN_4, abi.KIND_VXLAN_6, abi.KIND_VXLAN_4]],
      ['nvgre', [abi.KIND_NVGRE_4, abi.KIND_NVGRE_6, abi.KIND_NVGRE_4]],
    ] as const) {
      const { dataPlane } = await openMux({ ...both, encapsulation });
      const { base } = dataPlane.region(abi.REGION_BACKENDS);
      expect(hosts.map((_, index) => dataPlane.bytes[base + index * abi.BACKEND_BYTES + abi.BACKEND_KIND])).toEqual(
        kinds,
      );
      // The instance-level address has the first word and nothing but the entry of the VIP, which names its service.
      expect(endpointsOf(dataPlane).toSorted()).toEqual([
        `4 ${toHex(ipv4Bytes(VIP))} 255 0 ${abi.NO_INDEX}`,
        '6 01000000 255 0 0',
      ]);
    }
  });

  it('service and backend, and the traffic the module counts in them', async () => {
    const { dataPlane, batch } = await openMux();
    batch.add(ipv4(CLIENT, VIP).tcp(40000, 443, SYN).bytes(), 'bare');
    dataPlane.exports.muxProcess(1, NOW_MS);
    const service = new DataView(dataPlane.bytes.buffer, dataPlane.region(abi.REGION_SERVICES).base, abi.SERVICE_BYTES);
    expect(service.getUint32(abi.SERVICE_RING_BASE, true)).toBe(dataPlane.region(abi.REGION_RINGS).base);
    expect(service.getUint32(abi.SERVICE_RING_SLOT_COUNT, true)).toBe(251);
    expect(service.getUint8(abi.SERVICE_DISTRIBUTION)).toBe(abi.DISTRIBUTION_DEFAULT);
    expect(service.getUint8(abi.SERVICE_STATE)).toBe(1);
    expect(service.getUint32(abi.SERVICE_IDLE_TICKS, true)).toBe(235);
    expect(service.getUint32(abi.SERVICE_BACKEND, true)).toBe(abi.NO_INDEX);
    expect(service.getBigUint64(abi.SERVICE_PACKETS, true)).toBe(1n);
    expect(service.getBigUint64(abi.SERVICE_BYTES_TOTAL, true)).toBe(40n);
    const at = dataPlane.region(abi.REGION_BACKENDS).base + abi.BACKEND_BYTES;
    const backend = new DataView(dataPlane.bytes.buffer, at, abi.BACKEND_BYTES);
    expect(backend.getUint8(abi.BACKEND_STATE)).toBe(1);
    expect(backend.getBigUint64(abi.BACKEND_PACKETS, true)).toBe(1n);
    expect(backend.getBigUint64(abi.BACKEND_BYTES_TOTAL, true)).toBe(40n);
  });

  it('descriptor', async () => {
    const { dataPlane, batch } = await openMux();
    batch.add(new Uint8Array(0));
    batch.add(ipv4(CLIENT, VIP).tcp(40000, 443, SYN).bytes(), 'bare', 'shared');
    const slots = dataPlane.region(abi.REGION_SLOTS).base;
    const frame = slots + dataPlane.plan.slotBytes + abi.HEADROOM_BYTES;
    const at = dataPlane.region(abi.REGION_DESCRIPTORS).base + abi.DESCRIPTOR_BYTES;
    const descriptor = new DataView(dataPlane.bytes.buffer, at, abi.DESCRIPTOR_BYTES);
    expect(descriptor.getUint32(abi.DESCRIPTOR_OFFSET, true)).toBe(frame);
    expect(descriptor.getUint32(abi.DESCRIPTOR_LENGTH, true)).toBe(40);
    expect(descriptor.getUint8(abi.DESCRIPTOR_LINK)).toBe(abi.LINK_BARE);
    expect(descriptor.getUint8(abi.DESCRIPTOR_PORT)).toBe(abi.PORT_SHARED);
    dataPlane.exports.muxProcess(2, NOW_MS);
    expect(descriptor.getUint32(abi.DESCRIPTOR_OFFSET, true)).toBe(frame - abi.TEMPLATE_BARE_BYTES);
    expect(descriptor.getUint32(abi.DESCRIPTOR_LENGTH, true)).toBe(40 + abi.TEMPLATE_BARE_BYTES);
    expect(descriptor.getUint8(abi.DESCRIPTOR_VERDICT)).toBe(abi.VERDICT_FORWARD);
    expect(descriptor.getUint8(abi.DESCRIPTOR_REASON)).toBe(abi.REASON_NONE);
    expect(descriptor.getUint32(abi.DESCRIPTOR_SERVICE, true)).toBe(0);
    expect(descriptor.getUint32(abi.DESCRIPTOR_BACKEND, true)).toBe(1);
    const dropped = new DataView(dataPlane.bytes.buffer, at - abi.DESCRIPTOR_BYTES, abi.DESCRIPTOR_BYTES);
    expect(dropped.getUint8(abi.DESCRIPTOR_VERDICT)).toBe(abi.VERDICT_DROP);
    expect(dropped.getUint8(abi.DESCRIPTOR_REASON)).toBe(abi.REASON_ETHERNET_TRUNCATED);
    expect(dropped.getUint32(abi.DESCRIPTOR_SERVICE, true)).toBe(abi.NO_INDEX);
    expect(dropped.getUint32(abi.DESCRIPTOR_BACKEND, true)).toBe(abi.NO_INDEX);
  });

  it('parsed record of explain', async () => {
    const { dataPlane, batch } = await openMux();
    batch.add(eth().vlan(5).ipv4(CLIENT, VIP).tcp(40000, 443, ACK).bytes());
    dataPlane.exports.muxExplain(0, NOW_MS);
    const parsed = new DataView(dataPlane.bytes.buffer, abi.FIXED_PARSED, abi.PARSED_BYTES);
    const frame = dataPlane.region(abi.REGION_SLOTS).base + abi.HEADROOM_BYTES;
    expect(parsed.getUint32(abi.PARSED_IP, true)).toBe(frame + 18);
    expect(parsed.getUint32(abi.PARSED_L4, true)).toBe(frame + 38);
    expect(parsed.getUint32(abi.PARSED_IP_LENGTH, true)).toBe(40);
    expect(parsed.getUint32(abi.PARSED_VLAN_TAG)).toBe(0x81000005);
    const tuple = { source: CLIENT, destination: VIP, sourcePort: 40000, destinationPort: 443, protocol: 6 };
    expect(parsed.getBigUint64(abi.PARSED_HASH, true)).toBe(flowHash(program.flowHashKey, tuple, 'Default'));
    expect(parsed.getUint8(abi.PARSED_PROTOCOL)).toBe(6);
    expect(parsed.getUint8(abi.PARSED_TCP_FLAGS)).toBe(ACK);
    expect(parsed.getUint32(abi.PARSED_SERVICE, true)).toBe(0);
    expect(parsed.getUint32(abi.PARSED_BACKEND, true)).toBe(1);
    expect(parsed.getUint8(abi.PARSED_SOURCE)).toBe(abi.SOURCE_RING);
    expect(parsed.getUint8(abi.PARSED_FAMILY)).toBe(4);
    expect(parsed.getUint32(abi.PARSED_FLOW, true)).toBe(0);
  });

  it('parsed record of explain, IPv6 to a leased port', async () => {
    const snatRanges = [{ vip: VIP6, firstPort: 1024, portCount: 8, backend: 1 }];
    const { dataPlane, batch } = await openMux({ ...program, vips: [VIP, VIP6], snatRanges });
    batch.add(eth().ipv6(CLIENT6, VIP6).hopByHop().udp(53, 1027).bytes());
    dataPlane.exports.muxExplain(0, NOW_MS);
    const parsed = new DataView(dataPlane.bytes.buffer, abi.FIXED_PARSED, abi.PARSED_BYTES);
    const frame = dataPlane.region(abi.REGION_SLOTS).base + abi.HEADROOM_BYTES;
    expect(parsed.getUint8(abi.PARSED_FAMILY)).toBe(6);
    expect(parsed.getUint32(abi.PARSED_IP, true)).toBe(frame + 14);
    expect(parsed.getUint32(abi.PARSED_L4, true)).toBe(frame + 14 + 40 + 8);
    expect(parsed.getUint32(abi.PARSED_IP_LENGTH, true)).toBe(40 + 8 + 8);
    expect(parsed.getUint8(abi.PARSED_PROTOCOL)).toBe(17);
    expect(parsed.getUint32(abi.PARSED_SERVICE, true)).toBe(abi.NO_INDEX);
    expect(parsed.getUint32(abi.PARSED_BACKEND, true)).toBe(1);
    expect(parsed.getUint8(abi.PARSED_SOURCE)).toBe(abi.SOURCE_SNAT);
    expect(parsed.getUint16(abi.PARSED_LEASED_PORT)).toBe(1027);
  });
});

describe('boundary: limits of the flow table', () => {
  const limitsOf = async (capacities: Partial<Capacities>) => {
    const { view } = await DataPlane.load(muxModule, 'mux', capacities);
    return [abi.CONFIG_FLOW_TRUSTED_MAX, abi.CONFIG_FLOW_UNTRUSTED_MAX].map((offset) =>
      view.getUint32(abi.FIXED_CONFIG + offset, true),
    );
  };

  it('are what the embedder says', async () => {
    expect(await limitsOf({ flowCountMax: 10, trustedFlowCountMax: 7, untrustedFlowCountMax: 5 })).toEqual([7, 5]);
  });

  it('are the flows the table is for when he says nothing', async () => {
    expect(await limitsOf({ flowCountMax: 10 })).toEqual([10, 10]);
    expect(await limitsOf({ flowCountMax: 10, untrustedFlowCountMax: 5 })).toEqual([10, 5]);
  });
});

describe('boundary: counters', () => {
  it('have 64 bits', async () => {
    const { dataPlane, batch } = await openMux();
    const pass = abi.FIXED_VERDICT_COUNTERS + abi.VERDICT_PASS * 8;
    dataPlane.view.setBigUint64(pass, 0xffff_ffffn, true);
    batch.add(eth({ type: 0x0806 }).bytes());
    dataPlane.exports.muxProcess(1, 0);
    expect(readCounters(dataPlane).verdicts.pass).toBe(2 ** 32);
  });

  it('there is a name for every reason of the boundary, and no two have the same', () => {
    const numbers = Object.values(DROP_REASONS);
    expect(numbers.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: abi.REASON_COUNT - 1 }, (_, index) => index + 1),
    );
  });

  it.each(Object.entries(DROP_REASONS))('%s is read from its own place', async (name, reason) => {
    const { dataPlane } = await openMux();
    dataPlane.view.setBigUint64(abi.FIXED_REASON_COUNTERS + reason * 8, 5n, true);
    expect(readCounters(dataPlane).dropped).toEqual({ [name]: 5 });
  });
});

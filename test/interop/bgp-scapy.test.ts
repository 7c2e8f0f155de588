/** Random BGP messages and BFD packets as scapy writes them, read by edgemux: to the values that scapy was given. */
import { beforeAll, describe, expect, test } from 'vitest';
import { type ControlPacket, decodeControlPacket } from '../../sdk/bfd/packet.js';
import { decodeMessage, type Message, MessageFramer } from '../../sdk/bgp/wire/index.js';
import { formatPrefix } from '../../sdk/net/prefix.js';
import { fromHex, toHex } from '../support/bytes.js';
import { arePeersMissing, scapyMessages } from './peers.js';

const SEED = 1;
const COUNT = 1000;

interface Written {
  readonly messages: readonly {
    readonly bytes: string;
    readonly agreement: { readonly fourOctetAs: boolean; readonly isExternal: boolean };
    readonly value: { readonly kind: Message['kind'] };
  }[];
  readonly packets: readonly { readonly bytes: string; readonly value: ControlPacket }[];
}

describe.skipIf(arePeersMissing)(`${COUNT} random ones of scapy, seed ${SEED}`, () => {
  let written: Written;
  beforeAll(() => {
    written = scapyMessages(SEED, COUNT);
  });

  test('BGP messages are read as they were written', () => {
    const kinds = new Set<string>();
    for (const { bytes, agreement, value } of written.messages) {
      const families = { families: new Set(['ipv4', 'ipv6'] as const), extendedNextHop: new Set<never>() };
      expect(plain(decodeMessage(framed(fromHex(bytes)), { ...agreement, ...families })), bytes).toEqual(value);
      kinds.add(value.kind);
    }
    expect([...kinds].sort()).toEqual(['keepalive', 'notification', 'open', 'route-refresh', 'update']);
  });

  test('BFD packets are read as they were written', () => {
    for (const { bytes, value } of written.packets) expect(decodeControlPacket(fromHex(bytes)), bytes).toEqual(value);
  });
});

/** The message as a stream gives it. */
function framed(bytes: Uint8Array): Uint8Array {
  const framer = new MessageFramer();
  framer.push(bytes);
  return framer.next()!;
}

/** A message in the words of bgp_messages.py. */
function plain(message: Message): unknown {
  if (message.kind === 'notification') return { ...message, data: toHex(message.data) };
  if (message.kind !== 'update') return message;
  return {
    ...message,
    withdrawn: message.withdrawn.map(formatPrefix),
    announced: message.announced.map((routes) => ({ ...routes, prefixes: routes.prefixes.map(formatPrefix) })),
  };
}

/** Packets that no web server sends, through VIPs of both families: pings, large datagrams, VMs that call their own VIP. */
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingOf } from '../../../sdk/appliance/lab/needs.js';
import { VIP4, VIP6 } from '../../../sdk/appliance/lab/places.js';
import { ROUTER_KINDS } from '../../../sdk/appliance/lab/routers/kinds.js';
import { cleanUp, lab, labName, whyNoLab } from './live-lab.js';

const reason = missingOf(ROUTER_KINDS.bird.needs).length > 0 ? 'BIRD is not installed' : whyNoLab();
if (reason !== undefined) console.warn(`skipped: ${reason}`);
cleanUp();

/** Sends a datagram to ADDRESS port 7 and compares what comes back. */
const ECHO = `
const [address, byteCount] = process.argv.slice(1);
const socket = require('node:dgram').createSocket(address.includes(':') ? 'udp6' : 'udp4');
const sent = Buffer.alloc(Number(byteCount), 'edgemux ');
socket.on('message', (text) => { console.log(text.subarray(0, sent.length).equals(sent) ? 'same' : 'other'); socket.close(); });
socket.send(sent, 7, address);
setTimeout(() => process.exit(), 3000).unref();
`;

describe.skipIf(reason !== undefined).each(['xdp', 'packet'])('%s ports', (port) => {
  const name = labName();
  const run = (place: string, command: string, ...args: string[]): string =>
    spawnSync('ip', ['netns', 'exec', `${name}-${place}`, command, ...args], { encoding: 'utf8' }).stdout;

  beforeAll(() => {
    expect(lab('up', '--name', name, '--router', 'bird', '--port', port)).toMatchObject({ status: 0, stderr: '' });
  });
  afterAll(() => {
    lab('down', '--name', name);
  });

  describe.each([VIP4, VIP6])('%s', (vip) => {
    const host = vip.includes(':') ? `[${vip}]` : vip;

    test('a ping is answered by the MUX', () => {
      expect(run('client', 'ping', '-c', '3', '-i', '0.2', '-W', '2', vip)).toContain(' 3 received');
    });

    test('a ping whose time to live ends at the router is answered by the router', () => {
      expect(run('client', 'ping', '-c', '1', '-W', '2', '-t', '1', vip)).toMatch(/from \S+1 icmp_seq=1 Time/i);
    });

    test('a datagram of 4,000 bytes comes back whole', () => {
      for (let count = 0; count < 5; count++) {
        expect(run('client', process.execPath, '-e', ECHO, vip, '4000')).toBe('same\n');
      }
    });

    test('a VM reaches itself by its VIP, and sees the VIP as its client', () => {
      const answer = run('vm-1', 'curl', '-sS', '-g', '-m', '3', `http://${host}:8001/`);
      expect(answer.startsWith(`vm-1 ${vip} `)).toBe(true);
    });
  });
});

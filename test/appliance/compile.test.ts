/** `edgemux compile`: programs as files. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { decodeProgram } from '../../sdk/program/index.js';
import { DUAL_STACK, edgemux, edgemuxJson, FABRIC, temporaryFolder } from './cli.js';

const file = temporaryFolder();

beforeAll(() => {
  for (const name of ['once', 'twice']) edgemuxJson(['compile', FABRIC, '--mux', 'mux-1', '-o', file(name)]);
});

test('twice gives the same bytes', () => {
  expect(readFileSync(file('once')).equals(readFileSync(file('twice')))).toBe(true);
});

test('the order of the fabric file has no influence', () => {
  const fabric = JSON.parse(readFileSync(FABRIC, 'utf8'));
  for (const value of Object.values(fabric)) if (Array.isArray(value)) value.reverse();
  edgemuxJson(['compile', '-', '--mux', 'mux-1', '-o', file('reversed')], JSON.stringify(fabric));
  expect(readFileSync(file('reversed')).equals(readFileSync(file('once')))).toBe(true);
});

test.each([
  ['--mux', 'mux-1', 'mux', 'mux mux-1: 1 VIP, 4 services, 1 ring, 2 backends, 2 SNAT ranges'],
  ['--host', 'host-1', 'host', 'host host-1: 1 NIC, 3 translations, 1 SNAT rule, 2 exemptions'],
])('%s %s: the file decodes to the program whose digest was printed', (option, id, kind, contents) => {
  const { status, stdout } = edgemux(['compile', FABRIC, option, id, '-o', file(id)]);
  const bytes = readFileSync(file(id));
  const program = decodeProgram(bytes);
  expect(status).toBe(0);
  expect(program).toMatchObject({ kind, id });
  expect(stdout).toBe(`${contents}, ${bytes.length} bytes\nsha256:${program.digest}\n`);
});

test('--json is the whole program', () => {
  const { bytes, ...printed } = edgemuxJson(['compile', FABRIC, '--mux', 'mux-1']);
  const written = readFileSync(file('once'));
  expect(bytes).toBe(written.length);
  // What is undefined is left out of JSON.
  expect(printed).toEqual(JSON.parse(JSON.stringify(decodeProgram(written))));
});

test('--against says what differs', () => {
  const moved = readFileSync(FABRIC, 'utf8').replace('"backendPort": 53', '"backendPort": 5353');
  const args = ['--mux', 'mux-1', '--against', file('once')];
  expect(edgemux(['compile', FABRIC, ...args]).stdout).toMatch(/\nno difference\n$/);
  expect(edgemux(['compile', '-', ...args], moved).stdout).toMatch(/\n~ services 80\.80\.80\.80:53\/udp\n$/);
});

test('--against says which ports go to whom, and what of the machine changed', () => {
  const fabric = JSON.parse(readFileSync(FABRIC, 'utf8'));
  fabric.loadBalancerManager.properties.edgemux = { flowHashKey: '0'.repeat(32) };
  fabric.networkInterfaces[1].properties.ipConfigurations[0].properties.loadBalancerBackendAddressPools = [];
  fabric.loadBalancers[0].properties.outboundNatRules[0].properties.edgemux = { allocatedOutboundPorts: 64 };
  const { stdout } = edgemux(['compile', '-', '--mux', 'mux-1', '--against', file('once')], JSON.stringify(fabric));
  const [vm1, vm2] = [1, 2].map((vm) => `/networkInterfaces/vm-${vm}-nic/ipConfigurations/ip1`);
  expect(stdout.split('\n').slice(2, -1)).toEqual([
    '~ machine flowHashKey',
    '~ services 80.80.80.80:53/udp',
    '~ services 80.80.80.80:80/tcp',
    expect.stringMatching(`^\\+ snat 80\\.80\\.80\\.80:\\d+-\\d+ → ${vm1}$`),
    `- snat 80.80.80.80:35840-36863 → ${vm1}`,
    `- snat 80.80.80.80:61440-62463 → ${vm2}`,
  ]);
});

test.each([
  ['--mux', 'mux-2', '5 VIPs, 8 services, 3 rings, 9 backends, 5 SNAT ranges'],
  ['--host', 'host-3', '3 NICs, 5 translations, 1 SNAT rule, 4 exemptions'],
])('both families, for %s %s', (option, id, contents) => {
  const { status, stdout } = edgemux(['compile', DUAL_STACK, option, id, '-o', file(`dual-${id}`)]);
  expect(status).toBe(0);
  expect(stdout).toContain(contents);
  expect(stdout).toContain(decodeProgram(readFileSync(file(`dual-${id}`))).digest);
});

test('--against a file that is no program: exit code 1, and nothing is written', () => {
  writeFileSync(file('text'), 'hello');
  const { status, stderr } = edgemux([
    'compile',
    FABRIC,
    '--mux',
    'mux-1',
    '-o',
    file('new'),
    '--against',
    file('text'),
  ]);
  expect(status).toBe(1);
  expect(stderr).toBe('error: not a program of edgemux: it does not begin with EMUX\n');
  expect(existsSync(file('new'))).toBe(false);
});

test('-o into a folder that is not there: exit code 1, and one line', () => {
  const { status, stderr } = edgemux(['compile', FABRIC, '--mux', 'mux-1', '-o', file('none/new')]);
  expect(status).toBe(1);
  expect(stderr).toBe(`error: cannot write ${file('none/new')}: no such file or directory\n`);
});

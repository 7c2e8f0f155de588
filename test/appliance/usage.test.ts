/** How the command line is called: help, and exit code 2 with a reason for every wrong call. */
import { describe, expect, test } from 'vitest';
import { edgemux, FABRIC } from './cli.js';

const HELP = [
  ['demo', ['[fabric]', '--connections <count>', '--pcap <dir>', '--json']],
  ['check', ['<fabric>', '--json']],
  ['compile', ['<fabric>', '--mux <id>', '--host <id>', '-o, --output <file>', '--against <file>', '--json']],
  ['explain', ['<fabric>', '--mux <id>', '--host <id>', '--flow <text>', '--pcap <file>', '--port <port>', '--json']],
  [
    'bgp',
    ['<fabric>', '--mux <id>', '--port <port>', '--graceful-restart <seconds>', '--restarting', '--dry-run', '--json'],
  ],
  [
    'mux',
    [
      '<fabric>',
      '--mux <id>',
      '--port <port>',
      '--queues <count>',
      '--no-bgp',
      '--bgp-port <port>',
      '--drain <seconds>',
    ],
  ],
  ['host', ['<fabric>', '--host <id>', '--port <port>', '--vm <[nic=]port>', '--drain <seconds>', '--stats <seconds>']],
  ['lab', ['up [options]', 'test [options]', 'down [options]']],
  ['replay', ['<fabric>', '--mux <id>', '--host <id>', '--in <capture>', '--out <pcap>', '--json']],
] as const;

const LAB = ['--router <router>', '--port <kind>', '--web <server>', '--data-plane <kind>', '--name <name>', '--json'];
const LAB_HELP = [
  ['up', [...LAB, '--empty']],
  ['test', [...LAB, '--quick', '--only <text>']],
  ['down', ['--name <name>', '--json']],
] as const;

test('--help names every command, on standard output', () => {
  const { status, stdout, stderr } = edgemux(['--help']);
  expect([status, stderr]).toEqual([0, '']);
  for (const [command] of HELP) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
});

test.each(HELP)('%s --help names its arguments and options', (command, words) => {
  const { status, stdout, stderr } = edgemux([command, '--help']);
  expect([status, stderr]).toEqual([0, '']);
  for (const word of words) expect(stdout).toContain(word);
});

test.each(LAB_HELP)('lab %s --help names its options', (command, words) => {
  const { status, stdout, stderr } = edgemux(['lab', command, '--help']);
  expect([status, stderr]).toEqual([0, '']);
  for (const word of words) expect(stdout).toContain(word);
});

test('--version is that of the package', async () => {
  const { default: manifest } = await import('../../package.json', { with: { type: 'json' } });
  expect(edgemux(['--version'])).toEqual({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
});

describe('called wrongly: exit code 2, the reason on standard error, nothing on standard output', () => {
  const EXPLAIN = ['explain', FABRIC, '--mux', 'mux-1'];
  const REPLAY = ['replay', FABRIC];
  const WRONG: readonly [name: string, args: readonly string[], reason: string][] = [
    ['no command', [], 'Usage: edgemux'],
    ['an unknown command', ['route'], "unknown command 'route'"],
    ['an unknown option', ['check', FABRIC, '--strict'], "unknown option '--strict'"],
    ['one argument too many', ['check', FABRIC, FABRIC], 'too many arguments'],
    ['check without a fabric', ['check'], "missing required argument 'fabric'"],
    ['compile for nobody', ['compile', FABRIC], 'give one of --mux ID and --host ID'],
    [
      'compile for two',
      ['compile', FABRIC, '--mux', 'mux-1', '--host', 'host-1'],
      'give one of --mux ID and --host ID',
    ],
    ['an option without its value', ['compile', FABRIC, '--mux'], "option '--mux <id>' argument missing"],
    [
      'explain for nobody',
      ['explain', FABRIC, '--flow', 'tcp 1.2.3.4:1 > 5.6.7.8:2'],
      'give one of --mux ID and --host ID',
    ],
    ['explain nothing', EXPLAIN, 'give one of --flow TEXT and --pcap FILE'],
    ['explain two things', [...EXPLAIN, '--flow', 'x', '--pcap', 'x'], 'give one of --flow TEXT and --pcap FILE'],
    ['replay nothing', [...REPLAY, '--mux', 'mux-1', '--out', 'x'], "required option '--in <capture>' not specified"],
    ['replay to nowhere', [...REPLAY, '--mux', 'mux-1', '--in', 'x'], "required option '--out <pcap>' not specified"],
    ['replay for nobody', [...REPLAY, '--in', 'x', '--out', 'y'], 'give one of --mux ID and --host ID'],
    ['mux for nobody', ['mux', FABRIC, '--port', 'udp'], "required option '--mux <id>' not specified"],
    ['mux without a port', ['mux', FABRIC, '--mux', 'mux-1'], "required option '--port <port>' not specified"],
    [
      'a port of no kind',
      ['mux', FABRIC, '--mux', 'mux-1', '--port', 'eth0'],
      'eth0: eth0 is no kind of port: xdp, packet',
    ],
    [
      'a port twice',
      ['mux', FABRIC, '--mux', 'mux-1', '--port', 'packet:up0', '--port', 'packet:up0'],
      'packet:up0 is there twice',
    ],
    [
      'two VMs and nobody knows whose',
      ['host', FABRIC, '--host', 'host-1', '--port', 'udp', '--vm', 'packet:a', '--vm', 'vm-1-nic=packet:b'],
      'with several VMs each --vm says whose it is',
    ],
    ['bgp for nobody', ['bgp', FABRIC], "required option '--mux <id>' not specified"],
    ['bgp on no port', ['bgp', FABRIC, '--mux', 'mux-1', '--port', '65536'], 'expected a whole number 0..65535'],
    [
      'a restart without end',
      ['bgp', FABRIC, '--mux', 'mux-1', '--graceful-restart', '4096'],
      'expected a whole number 1..4095',
    ],
    ['lab without a verb', ['lab'], 'Usage: edgemux lab'],
    ['a lab with nobody who routes', ['lab', 'up', '--router', 'quagga'], 'Allowed choices are bird, frr, gobgp'],
    ['a lab by no kind of port', ['lab', 'test', '--port', 'pcap'], 'Allowed choices are xdp, packet, tun'],
    ['a lab of no name', ['lab', 'down', '--name', '../x'], 'expected letters, digits and hyphens'],
    ['demo with no connection', ['demo', '--connections', '0'], 'expected a whole number of at least 1'],
    ['demo with half a connection', ['demo', '--connections', '0.5'], 'expected a whole number of at least 1'],
    ['demo with a few connections', ['demo', '--connections', 'few'], 'expected a whole number of at least 1'],
  ];

  test.each(WRONG)('%s', (_, args, reason) => {
    const { status, stdout, stderr } = edgemux(args);
    expect([status, stdout]).toEqual([2, '']);
    expect(stderr).toContain(reason);
    expect(stderr).not.toContain('    at ');
  });
});

/** `edgemux lab`: the whole fabric on this machine, in network namespaces, with a router of somebody else. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { IS_DENO } from '../../runtime/node/libc.js';
import type { CheckedRow } from '../lab/checks/check.js';
import { type CheckOptions, runChecks } from '../lab/checks/run-checks.js';
import { Lab } from '../lab/lab.js';
import { LabError } from '../lab/lab-error.js';
import { canMakeNamespaces } from '../lab/namespaces.js';
import { installLine, missingOf, NEEDED_BY_ALL, type NeededProgram, needed } from '../lab/needs.js';
import { CLIENT_HTTP_PORT, urlOf, VIP4, VIP6 } from '../lab/places.js';
import { ROUTER_KINDS } from '../lab/routers/kinds.js';
import type { LabOptions } from '../lab/run-folder.js';
import { RUNTIME_NAMES, runtimeOf } from '../lab/runtimes.js';
import { Failed, note, print, printJson } from '../output.js';
import { styled } from '../terminal.js';

const NAME_DEFAULT = 'edgemux';
/** An interface, a namespace, a folder: all take these. */
const NAME_PATTERN = /^[a-z0-9][a-z0-9-]{0,31}$/i;

interface UpOptions extends Omit<LabOptions, 'isEmpty'> {
  readonly empty?: boolean;
  readonly json?: boolean;
}

export function labCommand(): Command {
  const lab = new Command('lab').description(
    'Build client, router, MUXes, hosts and VMs in network namespaces of this machine, and try them out; as root.',
  );
  lab.addCommand(upCommand());
  lab.addCommand(testCommand());
  lab.addCommand(downCommand());
  return lab;
}

function upCommand(): Command {
  return withLabOptions(new Command('up'))
    .description('Build a lab and leave it for curl.')
    .option('--empty', 'leave the places of MUXes and hosts free, and say what fills them')
    .option('--json', 'print what was built as JSON')
    .action(up);
}

function testCommand(): Command {
  return withLabOptions(new Command('test'))
    .description(
      'Try a lab out, the one of that name that is up, or else one that is built for this and removed again.',
    )
    .option('--quick', 'less of everything')
    .option('--only <text>', 'only checks that have this in their name')
    .option('--json', 'print { …, checks, passed, failed, skipped } as JSON')
    .action(test);
}

function downCommand(): Command {
  return new Command('down')
    .description('Remove a lab, or what is left of one, and end whatever runs in it.')
    .addOption(nameOption())
    .option('--json', 'print { removed } as JSON')
    .action(async ({ name, json }: { name: string; json?: boolean }) => {
      const removed = await Lab.down(name);
      if (json) printJson({ removed });
      else if (!removed) note(`there is no lab ${name}`);
    });
}

function nameOption(): Option {
  return new Option('--name <name>', 'what its namespaces begin with').default(NAME_DEFAULT).argParser((text) => {
    if (!NAME_PATTERN.test(text)) throw new InvalidArgumentError('expected letters, digits and hyphens, 32 at most');
    return text;
  });
}

function withLabOptions(command: Command): Command {
  return command
    .addOption(new Option('--router <router>', 'who routes').choices(Object.keys(ROUTER_KINDS)).default('bird'))
    .addOption(
      new Option('--port <kind>', 'what MUXes and hosts take packets by')
        .choices(['xdp', 'packet', 'tun'])
        .default('xdp'),
    )
    .addOption(new Option('--web <server>', 'what serves in the VMs').choices(['node', 'nginx']).default('node'))
    .addOption(
      new Option('--data-plane <kind>', 'kernel: vxlan devices and nftables in the places of MUXes and hosts')
        .choices(['edgemux', 'kernel'])
        .default('edgemux'),
    )
    .addOption(
      new Option('--runtime <runtime>', 'what runs MUXes and hosts; deno: EDGEMUX_DENO, or deno in PATH')
        .choices(RUNTIME_NAMES)
        .default('node'),
    )
    .addOption(nameOption());
}

async function up({ empty, json, ...options }: UpOptions): Promise<void> {
  checkNeeds(options);
  const lab = await interruptible((signal) =>
    Lab.up({ ...options, isEmpty: empty ?? false }, { tell: tellStep, signal }),
  );
  if (json) printJson(jsonOf(lab));
  else printLab(lab);
}

interface TestOptions extends UpOptions {
  readonly quick?: boolean;
  readonly only?: string;
}

async function test({ quick, only, json, ...options }: TestOptions): Promise<void> {
  checkNeeds(options, needed('tcpdump', 'tcpdump'));
  const rows = await interruptible((signal) =>
    testIn({ ...options, isEmpty: false }, { isShort: quick ?? false, only: only ?? '', signal }, !json),
  );
  const count = (outcome: CheckedRow['outcome']): number => rows.filter((row) => row.outcome === outcome).length;
  const [passed, failed, skipped] = [count('ok'), count('failed'), count('skipped')];
  if (json) printJson({ ...options, checks: rows, passed, failed, skipped });
  else print(`${passed} passed, ${failed} failed, ${skipped} skipped`);
  if (failed > 0) throw new Failed();
}

async function testIn(
  options: LabOptions,
  checks: CheckOptions & { readonly signal: AbortSignal },
  isTable: boolean,
): Promise<readonly CheckedRow[]> {
  const existing = Lab.isUp(options.name);
  const lab = existing ? Lab.find(options.name) : await Lab.up(options, { signal: checks.signal, tell: tellStep });
  try {
    if (isTable) printHead(lab, existing);
    return await runChecks(lab, { ...checks, tell: (row) => isTable && printRow(row) });
  } finally {
    if (!existing) await Lab.down(options.name);
  }
}

function printHead({ options: { name, router, port, web, dataPlane, runtime } }: Lab, isExisting: boolean): void {
  const by = dataPlane === 'kernel' ? 'the kernel' : `${port} ports, ${runtimeOf(runtime).name}`;
  print(
    styled('bold', `${isExisting ? `lab ${name}: ` : ''}router ${ROUTER_KINDS[router].name}, ${by}, web server ${web}`),
  );
}

const OUTCOME_STYLES = { ok: 'green', failed: 'red', skipped: 'dim' } as const;
const [OUTCOME_COLUMNS, NAME_COLUMNS] = [9, 52];

function printRow({ name, outcome, text, explanation }: CheckedRow): void {
  print(`${styled(OUTCOME_STYLES[outcome], outcome.padEnd(OUTCOME_COLUMNS))}${name.padEnd(NAME_COLUMNS)}${text}`);
  if (explanation !== undefined) print(styled('dim', `${' '.repeat(OUTCOME_COLUMNS)}${explanation}`));
}

function tellStep(step: string): void {
  if (process.stderr.isTTY) process.stderr.write(`${step} …\n`);
}

/** Runs what SIGINT and SIGTERM end; it cleans up after itself, and then the process ends as one a signal has ended. */
async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  let exitCode = 0;
  const end = (_: NodeJS.Signals, number: number): void => {
    exitCode = 128 + number;
    ending.abort();
  };
  process.on('SIGINT', end).on('SIGTERM', end);
  try {
    return await work(ending.signal);
  } catch (error) {
    if (ending.signal.aborted) process.exit(exitCode);
    throw error;
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end);
  }
}

/** Says all that is missing at once. */
function checkNeeds(
  { router, web, dataPlane, runtime }: Omit<LabOptions, 'isEmpty'>,
  more: readonly NeededProgram[] = [],
): void {
  if (IS_DENO) throw new LabError('the lab itself runs by Node; its MUXes and hosts run by Deno with --runtime deno');
  if (process.platform !== 'linux') throw new LabError('the lab takes Linux: its machines are network namespaces');
  const missing = missingOf([
    ...NEEDED_BY_ALL,
    ...needed('curl', 'curl'),
    ...ROUTER_KINDS[router].needs,
    ...runtimeOf(runtime).needs,
    ...(web === 'nginx' ? needed('nginx-light', 'nginx') : []),
    ...more,
    ...(dataPlane === 'kernel' ? needed('nftables', 'nft') : []),
  ]);
  if (missing.length > 0) {
    const programs = missing.map(({ program }) => program).join(', ');
    throw new LabError(`not installed: ${programs}; this installs them: ${installLine(missing)}`);
  }
  if (process.getuid?.() !== 0) throw new LabError('not permitted: network namespaces take root');
  if (!canMakeNamespaces())
    throw new LabError('not permitted: this root may not make network namespaces (CAP_SYS_ADMIN)');
}

function jsonOf({ options, folder, fabric, places, processes, roles }: Lab): object {
  const { typed } = runtimeOf(options.runtime);
  return {
    ...options,
    folder,
    fabric,
    namespaces: places.namespaces,
    vips: [VIP4, VIP6],
    processes: processes.map(({ record: { name, namespace, pid, log } }) => ({ name, namespace, pid, log })),
    free: options.isEmpty
      ? roles.map(({ place, args }) => ({ place: place.id, namespace: place.namespace, command: typed(args) }))
      : [],
  };
}

function printLab(lab: Lab): void {
  const { options, places, folder, fabric, roles } = lab;
  const { name, router, runtime, isEmpty } = options;
  const inClient = `ip netns exec ${places.client.namespace}`;
  print(styled('bold', `The lab ${name} is up, its router is ${ROUTER_KINDS[router].name}.`));
  if (isEmpty) {
    print('The places of MUXes and hosts are free; this fills them:');
    for (const { place, args } of roles) {
      const command = runtimeOf(runtime).typed(args.filter((arg) => arg !== '--json'));
      print(`  ip netns exec ${place.namespace} ${command.join(' ')}`);
    }
    print('Then try:');
  } else print('Try:');
  print(`  ${inClient} curl ${urlOf(VIP4)}`);
  print(`  ${inClient} curl '${urlOf(VIP6)}'`);
  if (options.dataPlane === 'edgemux') {
    for (const { namespace } of places.vms.slice(0, 1)) {
      print(`  ip netns exec ${namespace} curl ${urlOf(places.client.ipv4, '/', CLIENT_HTTP_PORT)}`);
    }
  }
  print(`  ip -n ${places.router.namespace} route show ${VIP4}`);
  print(`  edgemux explain ${fabric} --mux mux-1 --flow "tcp ${places.client.ipv4}:40000 > ${VIP4}:80"`);
  print(`Logs are ${folder}/*.log. The end:`);
  print(`  edgemux lab down${name === NAME_DEFAULT ? '' : ` --name ${name}`}`);
}

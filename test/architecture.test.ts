/**
 * Imports point one way. This test reads the import graph of sdk/ and assembly/ and names every edge that does not:
 *
 *   errors ◄ net ◄ packet
 *   errors, net ◄ resources ◄ topology ◄ program ◄ dataplane ◄ mux, host ◄ appliance
 *   errors, net ◄ runtime ◄ bfd ◄ bgp ◄ node ◄ appliance
 *   mux, host ◄ node
 */

import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/** What each part of sdk/ may import of the others. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  net: ['errors'],
  packet: ['errors', 'net'],
  resources: ['errors', 'net'],
  topology: ['errors', 'net', 'resources'],
  program: ['errors', 'net', 'resources', 'topology'],
  dataplane: ['errors', 'net'],
  mux: ['errors', 'net', 'program', 'dataplane'],
  host: ['errors', 'net', 'program', 'dataplane'],
  runtime: ['errors', 'net', 'packet'],
  bfd: ['errors', 'net', 'runtime'],
  bgp: ['errors', 'net', 'runtime', 'bfd'],
  node: ['errors', 'net', 'program', 'dataplane', 'mux', 'host', 'runtime', 'bgp'],
  index: ['errors', 'net', 'resources', 'topology', 'program', 'dataplane', 'mux', 'host'],
  appliance: [
    'errors',
    'net',
    'packet',
    'resources',
    'topology',
    'program',
    'dataplane',
    'mux',
    'host',
    'runtime',
    'bfd',
    'bgp',
    'node',
    'index',
  ],
};
/**
 * The data plane is configured from programs, and is the memory of packet ports: it needs to know their shape, and none of
 * their code.
 */
const MAY_IMPORT_TYPES: Readonly<Record<string, readonly string[]>> = {
  dataplane: ['program', 'runtime'],
};
/** The runtime of Node, which also runs under Deno: its entry `edgemux/node` and the appliance import it, nobody else. */
const NODE_RUNTIME = 'sdk/runtime/node/';
const MAY_IMPORT_NODE = ['node', 'appliance'];
/** The parts that read the boundary with the Wasm module. */
const MAY_IMPORT_ABI = ['dataplane', 'mux', 'host'];
const ABI = 'assembly/abi.ts';

interface Edge {
  readonly from: string;
  /** A path from the root of the repository, or what the import says when it leads out of it. */
  readonly to: string;
  readonly isType: boolean;
}

/** Paths and texts of the TypeScript files below a folder. */
function sourcesIn(folder: string): Map<string, string> {
  const root = new URL(`../${folder}/`, import.meta.url);
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  return new Map(paths.map((path) => [`${folder}/${path}`, readFileSync(new URL(path, root), 'utf8')]));
}

function edgesOf(sources: ReadonlyMap<string, string>): Edge[] {
  return [...sources].flatMap(([from, text]) => {
    const edges: Edge[] = [];
    const add = (specifier: ts.Node | undefined, isType: boolean) => {
      if (specifier && ts.isStringLiteral(specifier)) edges.push({ from, to: targetOf(from, specifier.text), isType });
    };
    const visit = (node: ts.Node): void => {
      if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, importsTypesOnly(node));
      if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
      if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
        add(node.arguments[0], false);
      }
      ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(from, text, ts.ScriptTarget.Latest));
    return edges;
  });
}

function importsTypesOnly({ importClause }: ts.ImportDeclaration): boolean {
  if (importClause === undefined) return false;
  if (importClause.isTypeOnly) return true;
  const bindings = importClause.namedBindings;
  if (importClause.name || bindings === undefined || !ts.isNamedImports(bindings)) return false;
  return bindings.elements.every((element) => element.isTypeOnly);
}

/** asc writes no extension, tsc writes that of the output. */
function targetOf(from: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  return `${posix.join(posix.dirname(from), specifier).replace(/\.js$/, '')}.ts`;
}

/** `sdk/net/mac.ts` is of `net`, `sdk/errors.ts` is `errors`. */
function partOf(path: string): string {
  return path.split('/')[1].replace(/\.ts$/, '');
}

/** Every edge out of sdk/ that points the wrong way, as `from → to: why`. */
function violationsIn(sdk: ReadonlyMap<string, string>): string[] {
  return edgesOf(sdk).flatMap((edge) => {
    const why = objectionTo(edge);
    return why === undefined ? [] : [`${edge.from} → ${edge.to}: ${why}`];
  });
}

function objectionTo({ from, to, isType }: Edge): string | undefined {
  const part = partOf(from);
  if (!(part in MAY_IMPORT)) return `${part} has no place in MAY_IMPORT`;
  if (to.startsWith('node:')) {
    const mayBeNode = MAY_IMPORT_NODE.includes(part) || from.startsWith(NODE_RUNTIME);
    return mayBeNode ? undefined : 'only node, appliance and the runtime of Node import node: modules';
  }
  if (to.startsWith(NODE_RUNTIME) && !MAY_IMPORT_NODE.includes(part) && !from.startsWith(NODE_RUNTIME)) {
    return 'only node and appliance import the runtime of Node';
  }
  if (to === ABI) return MAY_IMPORT_ABI.includes(part) ? undefined : `${part} has nothing to do with the boundary`;
  if (to.startsWith('assembly/')) return `${ABI} is the one file of assembly/ that sdk/ imports`;
  if (!to.startsWith('sdk/')) return undefined;
  const target = partOf(to);
  const allowed = [part, ...MAY_IMPORT[part], ...(isType ? (MAY_IMPORT_TYPES[part] ?? []) : [])];
  return allowed.includes(target) ? undefined : `${part} may import ${MAY_IMPORT[part].join(', ') || 'nothing'}`;
}

/** The first way round a circle, as `a → b → a`; `undefined` when there is none. */
function circleIn(edges: readonly { readonly from: string; readonly to: string }[]): string | undefined {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const done = new Set<string>();
  const walk = (node: string, path: readonly string[]): string | undefined => {
    if (path.includes(node)) return [...path.slice(path.indexOf(node)), node].join(' → ');
    if (done.has(node)) return undefined;
    for (const to of next.get(node) ?? []) {
      const circle = walk(to, [...path, node]);
      if (circle !== undefined) return circle;
    }
    done.add(node);
    return undefined;
  };
  for (const node of next.keys()) {
    const circle = walk(node, []);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

const sdk = sourcesIn('sdk');
const assembly = sourcesIn('assembly');

describe('architecture: sdk/', () => {
  it('imports point one way', () => {
    expect(sdk.size).toBeGreaterThan(50);
    expect(violationsIn(sdk)).toEqual([]);
  });

  it('its parts form no circle', () => {
    const between = edgesOf(sdk)
      .filter(({ to }) => to.startsWith('sdk/'))
      .map(({ from, to }) => ({ from: partOf(from), to: partOf(to) }))
      .filter(({ from, to }) => from !== to);
    expect(circleIn(between)).toBeUndefined();
  });

  it('every import leads to a file', () => {
    const files = new Set([...sdk.keys(), ...assembly.keys()]);
    const lost = edgesOf(sdk).filter(({ to }) => /^(sdk|assembly)\//.test(to) && !files.has(to));
    expect(lost).toEqual([]);
  });
});

describe('architecture: assembly/', () => {
  it('imports nothing from outside', () => {
    expect(edgesOf(assembly).filter(({ to }) => !assembly.has(to))).toEqual([]);
  });

  it('its files form no circle', () => {
    expect(circleIn(edgesOf(assembly))).toBeUndefined();
  });

  it.each([
    { name: 'headers know only headers', from: /\/wire\//, to: /\/(wire\/|abi)/ },
    {
      name: 'tables know no pipeline and rewrite nothing',
      from: /\/table\//,
      to: /\/(table\/|wire\/|abi|layout|clock|counters|flow-hash)/,
    },
    { name: 'the MUX knows no host agent', from: /assembly\/mux\.ts/, to: /^(?!assembly\/host)/ },
    { name: 'the host agent knows no MUX', from: /assembly\/host\.ts/, to: /^(?!assembly\/(mux|classify|lookup))/ },
  ])('$name', ({ from, to }) => {
    const edges = edgesOf(assembly).filter((edge) => from.test(edge.from));
    expect(edges.length).toBeGreaterThan(0);
    expect(edges.filter((edge) => !to.test(edge.to))).toEqual([]);
  });

  it('abi.ts holds integers and comments, and nothing else', () => {
    const code = (assembly.get(ABI) as string).replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*/g, '');
    const statements = code.split('\n').filter((line) => line.trim() !== '');
    expect(statements.length).toBeGreaterThan(100);
    expect(statements.filter((line) => !/^export const [A-Z][A-Z0-9_]* = (\d+|0x[0-9a-f]+);$/.test(line))).toEqual([]);
  });
});

describe('architecture: this test', () => {
  const rows = [
    { name: 'up', from: 'sdk/net/a.ts', text: "import { b } from '../resources/b.js';", says: 'net may import errors' },
    { name: 'across', from: 'sdk/mux/a.ts', text: "import { b } from '../host/b.js';", says: 'mux may import' },
    { name: 'back', from: 'sdk/host/a.ts', text: "export * from '../mux/b.js';", says: 'host may import' },
    { name: 'by a call', from: 'sdk/packet/a.ts', text: "await import('../program/b.js');", says: 'packet may import' },
    {
      name: 'code instead of types',
      from: 'sdk/dataplane/a.ts',
      text: "import { type A, b } from '../program/b.js';",
      says: 'dataplane may import',
    },
    { name: 'types', from: 'sdk/dataplane/a.ts', text: "import { type A } from '../program/b.js';", says: undefined },
    { name: 'Node', from: 'sdk/program/a.ts', text: "import { join } from 'node:path';", says: 'only node, appliance' },
    {
      name: 'the runtime of Node',
      from: 'sdk/bgp/a.ts',
      text: "import { b } from '../runtime/node/b.js';",
      says: 'only node and appliance import the runtime',
    },
    {
      name: 'Node in the appliance',
      from: 'sdk/appliance/a.ts',
      text: "import { join } from 'node:path';",
      says: undefined,
    },
    {
      name: 'the data plane itself',
      from: 'sdk/mux/a.ts',
      text: "import { b } from '../../assembly/mux.js';",
      says: 'is the one file',
    },
    {
      name: 'the boundary',
      from: 'sdk/mux/a.ts',
      text: "import * as abi from '../../assembly/abi.js';",
      says: undefined,
    },
    {
      name: 'an example in a comment',
      from: 'sdk/net/a.ts',
      text: "/** import { b } from '../mux/b.js'; */",
      says: undefined,
    },
    { name: 'a part nobody placed', from: 'sdk/new/a.ts', text: "import '../errors.js';", says: 'has no place' },
  ];
  it.each(rows)('sees an import $name', ({ from, text, says }) => {
    expect(violationsIn(new Map([[from, text]]))).toEqual(says === undefined ? [] : [expect.stringContaining(says)]);
  });

  it('sees a circle', () => {
    const edge = (from: string, to: string) => ({ from, to });
    expect(circleIn([edge('a', 'b'), edge('b', 'c'), edge('c', 'b')])).toBe('b → c → b');
    expect(circleIn([edge('a', 'b'), edge('a', 'c'), edge('b', 'c')])).toBeUndefined();
  });
});

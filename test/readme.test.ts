/** Every example of the README runs, and prints what the README says it prints. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ModuleKind, ScriptTarget, transpileModule } from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const readme = readFileSync(join(root, 'README.md'), 'utf8');
const command = join(root, 'dist/sdk/appliance/edgemux.js');

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(([, text]) => text);
}

test('the ten lines print what stands below them', () => {
  const [source] = blocks('ts');
  const [printed] = blocks('text');
  const { outputText } = transpileModule(source, {
    compilerOptions: { module: ModuleKind.ESNext, target: ScriptTarget.ES2022 },
  });
  // Inside the package, so that its own name resolves to it.
  const file = join(root, 'dist/readme-example.mjs');
  writeFileSync(file, outputText);
  try {
    expect(execFileSync(process.execPath, [file], { cwd: root, encoding: 'utf8' })).toBe(printed);
  } finally {
    rmSync(file);
  }
});

describe('the commands succeed, in their order', () => {
  const commands = blocks('sh')
    .flatMap((block) => block.split('\n'))
    .filter((line) => line.startsWith('npx edgemux '));
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'edgemux-readme-'));
    symlinkSync(join(root, 'examples'), join(directory, 'examples'));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test('there are commands', () => expect(commands.length).toBeGreaterThan(5));

  test.each(commands)('%s', (line) => {
    const args = [...line.slice('npx edgemux '.length).matchAll(/"([^"]*)"|(\S+)/g)].map(
      ([, quoted, bare]) => quoted ?? bare,
    );
    expect(
      execFileSync(process.execPath, [command, ...args], { cwd: directory, encoding: 'utf8', maxBuffer: 1 << 28 }),
    ).not.toBe('');
  });
});

test('every drop reason is explained', async () => {
  const { DROP_REASONS } = await import('edgemux');
  expect(Object.keys(DROP_REASONS).filter((reason) => !readme.includes(`\`${reason}\``))).toEqual([]);
});

test('every runtime package is listed with what it is for', () => {
  const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { dependencies: object };
  expect(Object.keys(dependencies).filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
});

/**
 * The way in: text or JSON value to a checked, canonical fabric, or every problem at once.
 *
 * normalise (spelling) → declare and resolve references → schema (shape, ranges) → semantics (contradictions)
 */
import * as v from 'valibot';
import { EdgemuxError, type Problem } from '../errors.js';
import { checkManager } from './check-manager.js';
import { type Fabric, type FabricResources, FabricSchema } from './fabric.js';
import { parseJson } from './json-syntax.js';
import { normalise } from './normalise.js';
import { jsonExcerpt, type Path, pathText, type Report } from './problem.js';
import { childKinds, RESOURCE_KINDS, type ResourceKind } from './reference.js';
import { declareResources, resolveReferences } from './references.js';
import { ResourceIndex } from './resource-index.js';
import { checkSemantics } from './semantics.js';

/**
 * Reads a fabric file.
 *
 * Input is liberal: keys, collection names and words in any case, numbers and booleans as text, references with or
 * without `/networking/v1`, `null` and `""` for what is absent, server-computed members ignored.
 *
 * @throws EdgemuxError `ERR_FABRIC_SYNTAX` with line and column when the text is not JSON
 * @throws EdgemuxError `ERR_RESOURCE_INVALID` with every problem when the resources are not sound
 * @example
 * ```ts
 * const fabric = readFabric(await readFile('fabric.json', 'utf8'));
 * for (const path of fabric.ignored) console.warn(`${path} means nothing to edgemux`);
 * ```
 */
export function readFabric(text: string): Fabric {
  return parseFabric(parseJson(text));
}

/**
 * Checks a JSON value that should be a fabric and makes it canonical; the value itself is not changed.
 *
 * @throws EdgemuxError `ERR_RESOURCE_INVALID` with every problem
 */
export function parseFabric(value: unknown): Fabric {
  const { value: spelled, problems, ignored, references } = normalise(FabricSchema, value);
  const report: Report = (path, expected, got) => problems.push({ path, expected, got: jsonExcerpt(got) });

  resolveReferences(references, declareResources(spelled, report), report);
  const parsed = v.safeParse(FabricSchema, spelled, { abortPipeEarly: true });
  const issuePaths = parsed.issues?.map(pathOf) ?? [];
  // Where the spelling was at fault already, the schema would only say so again.
  const faulty = new Set(problems.map((problem) => problem.path));
  parsed.issues?.forEach((issue, i) => {
    const path = issuePaths[i]!;
    if (faulty.has(pathText(path))) return;
    const got = jsonExcerpt(valueAt(spelled, path), path.at(-1));
    problems.push({ path: pathText(path), expected: issue.message, got });
  });
  const sound = withoutUnsound(parsed.output, issuePaths);
  checkManager(sound.loadBalancerManager, report);
  checkSemantics(new ResourceIndex(sound), report);

  if (problems.length > 0) throw invalid(problems);
  return { ...(parsed.output as FabricResources), ignored };
}

/**
 * Writes a fabric as JSON: canonical spelling, schema order, two spaces, a newline at the end. `ignored` is not part of
 * the policy and is left out.
 *
 * Reading the text again gives an equal fabric.
 */
export function formatFabric(fabric: Fabric): string {
  const { ignored: _, ...resources } = fabric;
  return `${JSON.stringify(resources, null, 2)}\n`;
}

function invalid(problems: readonly Problem[]): EdgemuxError {
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  return new EdgemuxError('ERR_RESOURCE_INVALID', `the fabric has ${count}`, problems);
}

function pathOf(issue: v.BaseIssue<unknown>): Path {
  return issue.path?.map((step) => step.key as string | number) ?? [];
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((at, key) => (at as Record<string | number, unknown> | undefined)?.[key], value);
}

/**
 * The parsed fabric with a hole for every resource that has an issue, so that the others can still be held against each
 * other. Holes, not gaps: indexes must stay those of the file, for the paths of the problems to come.
 */
function withoutUnsound(output: unknown, issuePaths: readonly Path[]): FabricResources {
  if (issuePaths.some((path) => path.length === 0)) return v.parse(FabricSchema, {});
  const fabric = output as Record<string | number, unknown>;
  for (const path of issuePaths) {
    const place = resourcePath(path);
    const holder = valueAt(fabric, place.slice(0, -1)) as Record<string | number, unknown> | undefined;
    // Only a resource inside one that is a hole already has no holder any more.
    if (holder !== undefined) holder[place.at(-1)!] = undefined;
  }
  return fabric as FabricResources;
}

/** The part of a path that leads to the innermost resource it passes, or to the member of the fabric it starts with. */
function resourcePath(path: Path): Path {
  let end = 1;
  let parent: ResourceKind | undefined;
  for (let at = 0; ; at += 3) {
    const kind = childKinds(parent).find((child) => RESOURCE_KINDS[child].collection === path[at]);
    if (kind === undefined || typeof path[at + 1] !== 'number') return path.slice(0, end);
    end = at + 2;
    parent = kind;
  }
}

/**
 * Which resources a fabric declares, and whether every reference names one of them.
 *
 * Both work on the normalised value, before its schema has judged it: a resource with a mistake in it still exists, and
 * must not make every reference to it a mistake too.
 */
import type { ReferenceSlot } from './normalise.js';
import { type Path, pathText, type Report } from './problem.js';
import { childKinds, parseReference, RESOURCE_KINDS, type ResourceKind, referenceKey } from './reference.js';

/** The references of all declared resources as the resources spell themselves, by `referenceKey`. */
export type Declarations = ReadonlyMap<string, string>;

/** Lists every resource, and reports each whose resourceId a sibling has already. */
export function declareResources(fabric: unknown, report: Report): Declarations {
  const declarations = new Map<string, string>();

  const declareChildren = (holder: unknown, parent: ResourceKind | undefined, parentRef: string, path: Path): void => {
    for (const kind of childKinds(parent)) {
      const { collection } = RESOURCE_KINDS[kind];
      const siblings = memberOf(holder, collection);
      if (!Array.isArray(siblings)) continue;
      for (const [index, resource] of siblings.entries()) {
        const resourceId = memberOf(resource, 'resourceId');
        if (typeof resourceId !== 'string') continue;
        const ref = `${parentRef}/${collection}/${resourceId}`;
        const resourcePath = [...path, collection, index];
        if (declarations.has(referenceKey(ref))) {
          report(pathText([...resourcePath, 'resourceId']), `a resourceId no other ${kind} beside it has`, resourceId);
        }
        declarations.set(referenceKey(ref), ref);
        declareChildren(memberOf(resource, 'properties'), kind, ref, [...resourcePath, 'properties']);
      }
    }
  };

  declareChildren(fabric, undefined, '', []);
  return declarations;
}

/**
 * Spells every reference as the resource it names spells itself, and reports those that name none. What is no
 * reference at all is left alone: the schema has its own words for it.
 */
export function resolveReferences(slots: readonly ReferenceSlot[], declarations: Declarations, report: Report): void {
  for (const { holder, path } of slots) {
    const parsed = parseReference(holder.resourceRef);
    if (parsed === undefined) continue;
    const declared = declarations.get(referenceKey(parsed.canonical));
    if (declared === undefined) {
      report(pathText([...path, 'resourceRef']), `an existing ${parsed.kind}`, holder.resourceRef);
    } else {
      holder.resourceRef = declared;
    }
  }
}

function memberOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

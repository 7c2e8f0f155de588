import { readFileSync } from 'node:fs';
import { EdgemuxError, formatProblem } from '../../sdk/errors.js';
import { type Fabric, parseFabric } from '../../sdk/resources/index.js';

/** A JSON value as its authors see it: anything, reached into without asking. */
// biome-ignore lint/suspicious/noExplicitAny: every step would need a cast that says nothing.
export type Json = any;

/** The text of the two-hosts example. */
export const exampleText = readFileSync(new URL('../../examples/two-hosts.fabric.json', import.meta.url), 'utf8');

/** A fresh copy of the two-hosts example, after `change`. */
export function example(change: (fabric: Json) => void = () => {}): Json {
  const fabric = JSON.parse(exampleText);
  change(fabric);
  return fabric;
}

/** Parses the example after a change. */
export function fabricAfter(change: (fabric: Json) => void): Fabric {
  return parseFabric(example(change));
}

/** The problems of a value, each as `path: expected …, got …`; none when it is sound. */
export function problemsOf(value: unknown): string[] {
  try {
    parseFabric(value);
    return [];
  } catch (error) {
    if (!(error instanceof EdgemuxError) || error.code !== 'ERR_RESOURCE_INVALID') throw error;
    return error.problems.map(formatProblem);
  }
}

/** The problems of the example after a change. */
export function problemsAfter(change: (fabric: Json) => void): string[] {
  return problemsOf(example(change));
}

// The parts of the example that tests change most.
export const lb = (fabric: Json) => fabric.loadBalancers[0].properties;
export const rule = (fabric: Json, i = 0) => lb(fabric).loadBalancingRules[i].properties;
export const natRule = (fabric: Json, i = 0) => lb(fabric).inboundNatRules[i].properties;
export const probe = (fabric: Json) => lb(fabric).probes[0].properties;
export const frontend = (fabric: Json) => lb(fabric).frontendIPConfigurations[0].properties;
export const nic = (fabric: Json, i = 0) => fabric.networkInterfaces[i].properties;
export const ipConfiguration = (fabric: Json, i = 0) => nic(fabric, i).ipConfigurations[0].properties;
export const subnet = (fabric: Json) => fabric.virtualNetworks[0].properties.subnets[0].properties;
export const publicAddress = (fabric: Json) => fabric.publicIPAddresses[0].properties;
export const mux = (fabric: Json, i = 0) => fabric.loadBalancerMuxes[i].properties;
export const router = (fabric: Json, i = 0) => mux(fabric, i).routerConfiguration;
export const ref = (resourceRef: string) => ({ resourceRef });

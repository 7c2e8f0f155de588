/**
 * Time as flow tables see it: ticks of 1024 ms.
 */

export function tickOf(nowMs: number): number {
  return Math.floor(nowMs / 1024);
}

export function idleTicksOf(idleTimeoutMs: number): number {
  return Math.ceil(idleTimeoutMs / 1024);
}

/** The order of everything in a program that is sorted by its key: by code units, so that no locale has a say. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

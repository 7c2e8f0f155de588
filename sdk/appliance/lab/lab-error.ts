/** A lab cannot be built, found or asked: one line for people. */
export class LabError extends Error {
  override readonly name = 'LabError';
  readonly code = 'ERR_LAB';
  readonly problems = [];
}

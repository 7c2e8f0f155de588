/** The states of a BGP connection, RFC 4271 section 8.2.2. */

/** A state, by its name in the RFC. */
export type State = 'Idle' | 'Connect' | 'Active' | 'OpenSent' | 'OpenConfirm' | 'Established';

/** The states in the order a session passes them; of a peer's two connections the further one is the peer's state. */
export const STATES: readonly State[] = ['Idle', 'Active', 'Connect', 'OpenSent', 'OpenConfirm', 'Established'];

/** Whether one state is as far as another, or further, on the way to Established. */
export function isAtLeast(state: State, least: State): boolean {
  return STATES.indexOf(state) >= STATES.indexOf(least);
}

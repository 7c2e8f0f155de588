/** The lab for programs: benches and tests build one as the command line does. */
export { Lab } from './lab.js';
export { placesOf, VIP4, VIP6 } from './places.js';
export type { LabOptions } from './run-folder.js';

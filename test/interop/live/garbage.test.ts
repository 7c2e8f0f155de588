/** Garbage for some seconds: `npm run test:live` has a minute of it. */
import { expectServed, onStage } from './garbage.js';

onStage('garbage for a moment', ['packet', 'xdp'], 4, expectServed);

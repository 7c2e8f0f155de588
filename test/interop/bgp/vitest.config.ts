/** `npm run test:bgp`: edgemux against every router in every scenario, one after the other so that timings mean something. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: new URL('../../..', import.meta.url).pathname,
  test: {
    include: ['test/interop/bgp/*.{test,lab}.ts'],
    testTimeout: 90_000,
    hookTimeout: 30_000,
    fileParallelism: false,
    reporters: ['default', './test/support/closing-line.ts'],
  },
});

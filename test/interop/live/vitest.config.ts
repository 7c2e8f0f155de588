/** `npm run test:live`: the lab with every router and every kind of port, one after the other. */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  root: new URL('../../..', import.meta.url).pathname,
  test: {
    include: ['test/interop/live/*.{test,lab}.ts'],
    testTimeout: 600_000,
    hookTimeout: 60_000,
    fileParallelism: false,
    reporters: ['default', './test/support/closing-line.ts'],
  },
});

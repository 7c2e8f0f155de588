/** Poll Sequences, RFC 5880 sections 6.5 and 6.8.3: what is asked, what is heard, and whether the P bit is set then. */
import { describe, expect, it } from 'vitest';
import { PollSequence } from '../../sdk/bfd/poll.js';

type Step = 'change' | 'F' | 'no F' | 'gone';

describe('Poll Sequence', () => {
  const rows: { name: string; steps: readonly Step[]; polls: readonly boolean[]; heardAt?: number }[] = [
    { name: 'nothing changes', steps: ['no F', 'F'], polls: [false, false] },
    {
      name: 'goes on until a Final',
      steps: ['change', 'no F', 'no F', 'F'],
      polls: [true, true, true, false],
      heardAt: 3,
    },
    { name: 'a second Final answers nothing', steps: ['change', 'F', 'F'], polls: [true, false, false], heardAt: 1 },
    {
      name: 'a change after the Final waits for a packet without it',
      steps: ['change', 'F', 'change', 'F', 'no F', 'F'],
      polls: [true, false, false, false, true, false],
      heardAt: 5,
    },
    {
      name: 'a change before the Final makes that answer nothing, and has a sequence of its own',
      steps: ['change', 'change', 'F', 'no F', 'F'],
      polls: [true, true, false, true, false],
      heardAt: 4,
    },
    {
      name: 'once settled a change polls at once',
      steps: ['change', 'F', 'no F', 'change'],
      polls: [true, false, false, true],
      heardAt: 1,
    },
    {
      name: 'a side that is gone answers nothing',
      steps: ['change', 'change', 'gone', 'F'],
      polls: [true, true, false, false],
    },
  ];

  it.each(rows)('$name', ({ steps, polls, heardAt }) => {
    const poll = new PollSequence();
    let lastHeardAt: number | undefined;
    const seen = steps.map((step, index) => {
      if (step === 'change') poll.request();
      else if (step === 'gone') poll.reset();
      else if (poll.received(step === 'F')) lastHeardAt = index;
      return poll.isPolling;
    });
    expect(seen).toEqual(polls);
    expect(lastHeardAt).toBe(heardAt);
  });
});

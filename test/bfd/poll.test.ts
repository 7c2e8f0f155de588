/** Poll Sequences, RFC 5880 sections 6.5 and 6.8.3: what is asked, what is heard, and whether the P bit is set then. */
import { describe, expect, it } from 'vitest';
import { PollSequence } from '../../sdk/bfd/poll.js';

type Step = 'change' | 'P' | 'F' | 'no F' | 'gone';

describe('Poll Sequence', () => {
  const rows: { name: string; steps: readonly Step[]; polls: readonly boolean[]; heardAt?: number }[] = [
    { name: 'nothing changes', steps: ['no F', 'F'], polls: [false, false] },
    {
      name: 'goes on until a Final',
      steps: ['change', 'P', 'no F', 'P', 'no F', 'F'],
      polls: [true, true, true, true, true, false],
      heardAt: 5,
    },
    {
      name: 'a Final before the first Poll answers another',
      steps: ['change', 'F', 'P', 'F'],
      polls: [true, true, true, false],
      heardAt: 3,
    },
    {
      name: 'a second Final answers nothing',
      steps: ['change', 'P', 'F', 'F'],
      polls: [true, true, false, false],
      heardAt: 2,
    },
    {
      name: 'two changes before the first Poll are one',
      steps: ['change', 'change', 'P', 'F', 'no F'],
      polls: [true, true, true, false, false],
      heardAt: 3,
    },
    {
      name: 'a change after the Final waits for a packet without it',
      steps: ['change', 'P', 'F', 'change', 'F', 'no F', 'P', 'F'],
      polls: [true, true, false, false, false, true, true, false],
      heardAt: 7,
    },
    {
      name: 'a change before the Final makes that answer nothing, and has a sequence of its own',
      steps: ['change', 'P', 'change', 'P', 'F', 'no F', 'P', 'F'],
      polls: [true, true, true, true, false, true, true, false],
      heardAt: 7,
    },
    {
      name: 'once settled a change polls at once',
      steps: ['change', 'P', 'F', 'no F', 'change'],
      polls: [true, true, false, false, true],
      heardAt: 2,
    },
    {
      name: 'a side that is gone answers nothing',
      steps: ['change', 'P', 'change', 'gone', 'F'],
      polls: [true, true, true, false, false],
    },
  ];

  it.each(rows)('$name', ({ steps, polls, heardAt }) => {
    const poll = new PollSequence();
    let lastHeardAt: number | undefined;
    const seen = steps.map((step, index) => {
      if (step === 'change') poll.request();
      else if (step === 'P') poll.sent();
      else if (step === 'gone') poll.reset();
      else if (poll.received(step === 'F')) lastHeardAt = index;
      return poll.isPolling;
    });
    expect(seen).toEqual(polls);
    expect(lastHeardAt).toBe(heardAt);
  });
});

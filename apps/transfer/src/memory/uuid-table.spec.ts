import { rounds, seed } from '@ferry/testing/specs';
import * as fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { readUuid, UuidTable, writeUuid } from './uuid-table';

describe('a table of UUIDs', () => {
  it('behaves as a map that may forget, and never mixes two ids up', () => {
    /** Few words, so that homes collide. */
    const id = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 9 })).map(([home, other]) => `0000000${home}-0000-4000-8000-000${other}00000000`);
    const step = fc.tuple(fc.constantFrom('take', 'remove', 'find'), id);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 12 }), (steps, capacity) => {
        const model = new Map<string, number>();
        const table = new UuidTable(capacity, (slot) => {
          const [evicted] = [...model].find(([, known]) => known === slot)!;
          model.delete(evicted);
        });
        for (const [what, key] of steps) {
          if (what === 'take') model.set(key, table.take(key));
          else if (what === 'remove') expect(table.remove(key)).toBe(model.get(key) ?? -1);
          else expect(table.find(key)).toBe(model.get(key) ?? -1);
          if (what === 'remove') model.delete(key);
          expect(new Set(model.values()).size).toBe(model.size);
          expect(table.size).toBe(model.size);
          expect(table.size).toBeLessThanOrEqual(capacity);
        }
        for (const [key, slot] of model) expect(table.find(key)).toBe(slot);
      }),
      { seed: seed(), numRuns: rounds(200) },
    );
  });

  it('keeps what is asked for', () => {
    const evicted: number[] = [];
    const table = new UuidTable(100, (slot) => evicted.push(slot));
    const dear = randomUUID();
    const slot = table.take(dear);
    for (let i = 0; i < 1_000; i += 1) {
      table.take(randomUUID());
      table.find(dear);
    }
    expect(table.find(dear)).toBe(slot);
    expect(evicted).toHaveLength(901);
  });

  it('takes UUIDs only', () => {
    const table = new UuidTable(2, () => undefined);
    for (const other of ['', 'x', randomUUID().toUpperCase().replace(/^./, 'A'), randomUUID().replaceAll('-', ''), `${randomUUID()}0`, '0'.repeat(36)]) {
      expect([table.take(other), table.find(other), table.remove(other)]).toEqual([-1, -1, -1]);
    }
    expect(table.size).toBe(0);
  });

  it('writes and reads them', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        const column = new Uint32Array(8);
        expect(writeUuid(id, column, 1)).toBe(true);
        expect(readUuid(column, 1)).toBe(id);
      }),
      { seed: seed(), numRuns: rounds(50) },
    );
  });
});

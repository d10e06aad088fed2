import { toPosition } from '@ferry/kernel';
import { CommandMemory } from './command-memory';

const metadata = (commandId: string, { actor = 'key', owner = 'ann' } = {}) => ({ $correlationId: '', $causationId: '', commandId, actor, owner });
const event = (revision: number, commandId = `c${revision}`, from = {}) => ({ revision, position: toPosition(BigInt(revision)), metadata: metadata(commandId, from) });

it('knows the last 64 commands of clients, each with its last event', () => {
  const memory = new CommandMemory('asset-1');
  for (let revision = 0; revision < 65; revision += 1) memory.remember(event(revision));
  expect(memory.find(metadata('c0'))).toBeUndefined();
  expect(memory.find(metadata('c1'))).toEqual({ stream: 'asset-1', revision: 1, position: toPosition(1n) });
  memory.remember(event(65, 'c64'));
  expect(memory.find(metadata('c64'))?.revision).toBe(65);
  expect(memory.find(metadata('c1'))?.revision).toBe(1);
});

it('keeps owners apart, and forgets reactions and commands without a name', () => {
  const memory = new CommandMemory('asset-1');
  memory.remember(event(0, 'same'));
  memory.remember(event(1, 'reaction', { actor: 'service:lineage' }));
  memory.remember(event(2, ''));
  expect(memory.find(metadata('same', { owner: 'bob' }))).toBeUndefined();
  expect(memory.find(metadata('reaction', { actor: 'service:lineage' }))).toBeUndefined();
  expect(memory.find(metadata(''))).toBeUndefined();
  expect(memory.find(metadata('same'))?.revision).toBe(0);
});

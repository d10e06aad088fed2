import type { EventMetadata, RecordedEvent, Token } from '@ferry/kernel';

/** A stream remembers this many of the commands that clients sent it. */
const REMEMBERED = 64;

const isClient = ({ actor, commandId }: EventMetadata): boolean => commandId !== '' && !actor.startsWith('service:');
/** Two owners may use the same words for different commands. */
const keyOf = ({ owner, commandId }: EventMetadata): string => `${owner}\n${commandId}`;

/** The last commands of clients in a stream, with where their events ended. */
export class CommandMemory {
  private readonly tokens = new Map<string, Token>();

  constructor(private readonly stream: string) {}

  remember({ metadata, revision, position }: Pick<RecordedEvent, 'metadata' | 'revision' | 'position'>): void {
    if (!isClient(metadata)) return;
    const key = keyOf(metadata);
    this.tokens.delete(key);
    this.tokens.set(key, { stream: this.stream, revision, position });
    if (this.tokens.size > REMEMBERED) this.tokens.delete(this.tokens.keys().next().value!);
  }

  find(metadata: EventMetadata): Token | undefined {
    return isClient(metadata) ? this.tokens.get(keyOf(metadata)) : undefined;
  }
}
